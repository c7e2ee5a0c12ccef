//! Files that are written whole or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Replaces the content of `path` in one step: who reads it meanwhile sees the old or the new.
/// An existing file keeps its permissions; a link keeps pointing where it does.
///
/// # Errors
/// When the folder cannot be written or the disk is full; the old content is then untouched.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = behind_links(path);
    let mut file = new_beside(&path)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    if let Ok(old) = path.metadata() {
        file.as_file().set_permissions(old.permissions())?;
    }
    file.persist(&path)?;
    Ok(())
}

/// Checks that [`write()`] could work.
///
/// # Errors
/// When it could not.
pub fn probe(path: &Path) -> io::Result<()> {
    let path = behind_links(path);
    if path.metadata().is_ok_and(|old| old.permissions().readonly()) {
        // A rename would succeed, but who took away the permission to write meant it.
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the file is read-only",
        ));
    }
    new_beside(&path).map(drop)
}

/// A temporary folder in `parent` with the permissions of an ordinary one: a temporary folder is
/// otherwise its owner's alone, and this one is going to be renamed into its place.
///
/// # Errors
/// When `parent` cannot be written.
pub fn new_folder_in(parent: &Path) -> io::Result<tempfile::TempDir> {
    builder(0o777).tempdir_in(parent)
}

fn new_beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    builder(0o666).suffix(".tmp").tempfile_in(folder)
}

/// The umask is taken off `mode` by the system.
fn builder(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cellar-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

fn behind_links(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn permissions_and_links_survive() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_read_only_file_is_noticed_before_the_work() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        probe(&file).unwrap();
        let mut permissions = file.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&file, permissions).unwrap();
        assert!(probe(&file).is_err());
        assert!(probe(&folder.path().join("no/such/folder")).is_err());
    }
}
