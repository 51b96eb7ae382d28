//! Reading inputs, and outputs that appear whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::Failure;

/// A failure of a path, exit code 2.
fn bad_path(path: &Path, what: impl Into<String>) -> Failure {
    Failure { path: path.to_owned(), what: what.into(), code: 2 }
}

/// The content of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![];
    open(path)?.read_to_end(&mut bytes).map_err(|error| bad_path(path, format!("cannot be read: {error}")))?;
    Ok(bytes)
}

/// A file to be read in places.
pub fn open(path: &Path) -> Result<File, Failure> {
    if path.is_dir() {
        return Err(bad_path(path, "is a folder; name a file"));
    }
    File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => bad_path(path, "there is no such file; check the path"),
        ErrorKind::PermissionDenied => bad_path(path, "may not be read; check its permissions"),
        _ => bad_path(path, format!("cannot be read: {error}")),
    })
}

/// Where an output goes. Nothing is there, or what was there before, until [`Output::write`] succeeds.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    folder: PathBuf,
}

impl Output {
    /// Checks an output path before any work is done. `input` must be readable.
    pub fn new(path: &Path, input: &Path) -> Result<Self, Failure> {
        // A link is followed, so that its target is replaced and not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if fs::canonicalize(input).is_ok_and(|input| input == target) {
            return Err(bad_path(path, "is the input, too; name another output"));
        }
        match fs::metadata(&target) {
            Ok(known) if known.is_dir() => return Err(bad_path(path, "is a folder; name a file in it")),
            Ok(known) if !known.is_file() => return Err(bad_path(path, "is no regular file; name another output")),
            _ => {}
        }
        if path.file_name().is_none() {
            return Err(bad_path(path, "is not the name of a file; name one"));
        }
        let folder = match target.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        if !folder.is_dir() {
            return Err(bad_path(path, "cannot be written: its folder does not exist; make it first"));
        }
        Ok(Self { path: target, folder })
    }

    /// Writes a temporary file beside the output, then renames it.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_with(|file| Ok(file.write_all(bytes)?)).map(|outcome| outcome.expect("only writing can fail"))
    }

    /// Lets `write` fill the temporary file, and keeps nothing if it fails with an error about the data.
    pub fn write_with<T>(
        &self,
        write: impl FnOnce(&mut BufWriter<&mut File>) -> losslaw::Result<T>,
    ) -> Result<losslaw::Result<T>, Failure> {
        let fail = |error: std::io::Error| bad_path(&self.path, format!("cannot be written: {error}"));
        let mut file = temporary(&self.folder).map_err(fail)?;
        if let Ok(known) = fs::metadata(&self.path) {
            file.as_file().set_permissions(known.permissions()).map_err(fail)?;
        }
        let mut buffer = BufWriter::new(file.as_file_mut());
        let outcome = match write(&mut buffer) {
            Ok(outcome) => outcome,
            Err(losslaw::Error::Io(error)) => return Err(fail(error)),
            Err(error) => return Ok(Err(error)),
        };
        buffer.flush().map_err(fail)?;
        drop(buffer);
        // A rename must not reach the disk before the content does.
        file.as_file().sync_all().map_err(fail)?;
        file.persist(&self.path).map_err(|error| fail(error.error))?;
        Ok(Ok(outcome))
    }
}

/// A temporary file with the permissions of any new file, not those of a secret.
#[cfg(unix)]
fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o666)).tempfile_in(folder)
}

#[cfg(not(unix))]
fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    tempfile::NamedTempFile::new_in(folder)
}
