//! What a codec library does when the kernel calls it in the host process: it hashes a variable, writes it to a file, reads
//! one from a file, or copies it.
//!
//! Such a library is made by the kernel (`kernel/src/engine/codec/`): for each type one exported function, which calls
//! [`serve`]. All that is not about the type itself is here, compiled once. How values become bytes is the business
//! of `cellar-values`; here are the host's store of variables, files, and the form of questions and answers.

mod file;
mod host;
mod message;

use std::any::TypeId;
use std::ffi::c_void;
use std::fs::File;
use std::path::Path;

use cellar_values::{Codec, Digest, Doubt};

use message::{Answer, Question};

/// A type, as the exported function knows it.
pub struct Type {
    codec: &'static Codec,
    /// Where serde may not be told all of its values.
    doubt: Option<Doubt>,
    /// What the store calls the type: Rust's identity and the definitions'.
    identity: u128,
    /// Of the notebook's definitions that the type reaches.
    definitions: u128,
    drop: unsafe extern "C" fn(*mut c_void),
}

impl Type {
    /// The type `T`; `codec` and `doubt` must be its own.
    pub fn of<T: 'static>(codec: &'static Codec, doubt: Option<Doubt>, definitions: u128) -> Type {
        unsafe extern "C" fn drop_value<T>(value: *mut c_void) {
            // SAFETY: the store gives back what `put` gave it, once: the address of a `Box<T>`.
            drop(unsafe { Box::from_raw(value.cast::<T>()) });
        }
        // SAFETY: a TypeId is 16 bytes without padding, as cells' own store relies on.
        let of_rust = unsafe { std::mem::transmute::<TypeId, u128>(TypeId::of::<T>()) };
        Type {
            codec,
            doubt,
            identity: of_rust ^ definitions,
            definitions,
            drop: drop_value::<T>,
        }
    }

    /// The address of a variable of this type.
    fn variable(&self, name: &str) -> Result<*const (), String> {
        match host::peek(name) {
            None => Err(format!("there is no variable `{name}`")),
            Some((_, identity)) if identity != self.identity => Err(format!(
                "the variable `{name}` is not of the type `{}`, or of an older definition of it",
                self.codec.type_name
            )),
            Some((value, _)) => Ok(value),
        }
    }

    fn put(&self, name: &str, value: *mut ()) {
        host::put(name, self.identity, self.codec.type_name, value, self.drop);
    }

    fn digest(&self, name: &str) -> Result<Digest, String> {
        let value = self.variable(name)?;
        let digest = self.codec.digest.ok_or_else(|| self.refusal())?;
        // SAFETY: the identity says that the variable is of this codec's type, and it stays where it is.
        let told = unsafe { digest(value) }.map_err(|refusal| refusal.to_string())?;
        self.second_digest(value, told)
    }

    /// The digest of a variable of which serde's is `told`.
    fn second_digest(&self, value: *const (), told: Digest) -> Result<Digest, String> {
        let Some(doubt) = self.doubt else {
            return Ok(told);
        };
        // SAFETY: as in `digest`.
        unsafe { doubt.digest(value, told) }.map_err(|refusal| refusal.to_string())
    }

    fn save(&self, name: &str, path: &Path) -> Result<(Digest, u64), String> {
        let value = self.variable(name)?;
        let encode = self.codec.encode.filter(|_| self.codec.is_storable());
        let encode = encode.ok_or_else(|| self.refusal())?;
        let in_file = |error| format!("{}: {error}", path.display());
        let mut file = file::create(path, &self.header()).map_err(in_file)?;
        // SAFETY: as in `digest`.
        let encoded = unsafe { encode(value, &mut file) };
        drop(file);
        let saved = encoded
            .map_err(|refusal| refusal.to_string())
            .and_then(|encoded| {
                self.check_saved(value, path)?;
                let digest = self.second_digest(value, encoded.digest)?;
                Ok((digest, encoded.len + file::HEADER as u64))
            });
        if saved.is_err() {
            let _ = std::fs::remove_file(path);
        }
        saved
    }

    /// Where serde may not be told all, checks that the value in a file is the one that was written.
    fn check_saved(&self, value: *const (), path: &Path) -> Result<(), String> {
        let Some(doubt) = self.doubt else { return Ok(()) };
        let read = self.read(path)?;
        // SAFETY: both are of this type.
        let compared = unsafe { doubt.compare(value, read) };
        // SAFETY: `read` is the codec's own, and nobody else has it.
        unsafe { (self.codec.drop)(read) };
        compared.map_err(|refusal| refusal.to_string())
    }

    fn load(&self, name: &str, path: &Path) -> Result<(), String> {
        let value = self.read(path)?;
        self.put(name, value);
        Ok(())
    }

    /// Reads a value from a file.
    fn read(&self, path: &Path) -> Result<*mut (), String> {
        let in_file = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut file = File::open(path).map_err(in_file)?;
        let length = file.metadata().map_err(in_file)?.len();
        if !file::has_header(&mut file, &self.header()).map_err(in_file)? {
            return Err(format!(
                "the stored value is not of the type `{}`, or of an older definition of it",
                self.codec.type_name
            ));
        }
        self.codec
            .decode_from(&mut file, length - file::HEADER as u64)
            .map_err(|refusal| refusal.to_string())
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), String> {
        let value = self.variable(from)?;
        let clone = self
            .codec
            .clone
            .ok_or_else(|| format!("`{}` is not Clone", self.codec.type_name))?;
        // SAFETY: as in `digest`.
        let copy = unsafe { clone(value) }.map_err(|refusal| refusal.to_string())?;
        self.put(to, copy);
        Ok(())
    }

    fn header(&self) -> [u8; file::HEADER] {
        file::header(self.definitions, self.codec.type_name)
    }

    fn refusal(&self) -> String {
        self.codec.why_not().map_or_else(
            || "its values cannot be stored".to_owned(),
            |refusal| refusal.to_string(),
        )
    }
}

/// Answers the kernel's question.
///
/// # Safety
/// `question` and `length` are those of live bytes; `made` is the type that the called function is for.
pub unsafe fn serve(made: &Type, question: *const u8, length: usize) {
    // SAFETY: promised by the caller.
    let question = unsafe { std::slice::from_raw_parts(question, length) };
    let answered = std::panic::catch_unwind(|| match Question::decode(question) {
        Some(Question::Digest { variable }) => made.digest(variable).map(|digest| Answer::Digest(digest.0)),
        Some(Question::Save { variable, file }) => {
            let saved = made.save(variable, file);
            saved.map(|(digest, bytes)| Answer::Saved {
                digest: digest.0,
                bytes,
            })
        }
        Some(Question::Load { variable, file }) => made.load(variable, file).map(|()| Answer::Done),
        Some(Question::Copy { from, to }) => made.copy(from, to).map(|()| Answer::Done),
        None => Err("the kernel asks what this codec library does not know".to_owned()),
    });
    match answered {
        Ok(answer) => host::answer(&Answer::encode(answer)),
        // The values' own code is guarded; this is ours.
        Err(_) => host::panicked(),
    }
}
