//! Engine and host as the cache needs them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cellar_cache::Digest;

use super::caching::{Adopted, Machine, Refusal, Saving, Typed, Value};
use crate::engine::knowledge::Adoption;
use crate::engine::{Engine, Variable};

/// The real engine with its host.
pub struct Workshop {
    engine: Arc<Engine>,
}

impl Workshop {
    pub fn new(engine: Arc<Engine>) -> Workshop {
        Workshop { engine }
    }
}

impl Machine for Workshop {
    fn variables(&self) -> Vec<Typed> {
        let known = self.engine.known().variables;
        known
            .into_iter()
            .map(|variable| Typed {
                name: variable.name,
                type_text: variable.type_text,
            })
            .collect()
    }

    fn adopt(&self, adopted: Adopted) {
        self.engine.adopt(&Adoption {
            cell: adopted.cell,
            rust: adopted.rust,
            variables: adopted
                .variables
                .into_iter()
                .map(|(typed, mutable)| Variable {
                    name: typed.name,
                    type_text: typed.type_text,
                    mutable,
                })
                .collect(),
            forgotten: adopted.removed,
        });
    }

    fn digests(&self, variables: &[Typed]) -> Vec<Result<Digest, Refusal>> {
        variables.iter().map(|_| Err(Refusal("to come".into()))).collect()
    }

    fn save(&self, variables: &[(Typed, PathBuf)]) -> Saving {
        let all: Vec<_> = variables
            .iter()
            .map(|(typed, _)| (typed.name.clone(), Err(Refusal("to come".into()))))
            .collect();
        Box::new(move || all)
    }

    fn load(&self, _value: &Value, _file: &Path) -> Result<(), Refusal> {
        Err(Refusal("to come".into()))
    }

    fn forget(&self, _names: &[String]) {}

    fn dependencies(&self) -> Vec<(String, Digest, String)> {
        Vec::new()
    }

    fn env(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }
}
