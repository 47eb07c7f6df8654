//! One error type for the whole core: each message is a single line that says what happened, where, and what to do.

/// What kind of failure this is; the command line turns it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller asked for something that makes no sense (a bad query, an unknown id).
    Usage,
    /// The file cannot be read as a memory image.
    Evidence,
    /// The image opens, but no kernel, symbols or types were found in it.
    NoSymbols,
    /// More of something than is allowed.
    Limit,
    /// A defect in salvor itself.
    Internal,
}

/// A failure with its kind. The message is for people and holds one line.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The class of the failure.
    pub kind: ErrorKind,
    /// One line for the user.
    pub message: String,
}

impl Error {
    /// The caller's mistake.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, message: message.into() }
    }

    /// The file is not an image that can be read.
    pub fn evidence(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Evidence, message: message.into() }
    }

    /// The image holds no kernel that can be understood.
    pub fn no_symbols(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::NoSymbols, message: message.into() }
    }

    /// More than the user allows.
    pub fn limit(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Limit, message: message.into() }
    }

    /// Something that should not be possible.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Internal, message: message.into() }
    }
}

/// The core's result.
pub type Result<T> = std::result::Result<T, Error>;
