//! The connection file: where to listen and with which key to sign.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Signer;

/// Why a connection file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    #[error("cannot read the connection file {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the connection file {} is not what Jupyter writes: {source}", path.display())]
    Parse {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error(
        "the connection file asks for the signature scheme `{0}`; this kernel signs with `hmac-sha256` only. \
         Set `Session.signature_scheme` back to its default in the Jupyter configuration"
    )]
    Scheme(String),
    #[error("the connection file asks for the transport `{0}`; this kernel knows `tcp` and `ipc`")]
    Transport(String),
    #[error("the connection file names no port for the {0} channel")]
    NoPort(&'static str),
}

/// The five channels of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Shell,
    Control,
    Stdin,
    Heartbeat,
    IoPub,
}

/// What the connection file says. Unknown fields are ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct ConnectionFile {
    #[serde(default = "default_transport")]
    transport: String,
    #[serde(default = "default_ip")]
    ip: String,
    #[serde(default)]
    shell_port: u16,
    #[serde(default)]
    iopub_port: u16,
    #[serde(default)]
    stdin_port: u16,
    #[serde(default)]
    control_port: u16,
    #[serde(default)]
    hb_port: u16,
    #[serde(default)]
    key: String,
    #[serde(default)]
    signature_scheme: Option<String>,
}

fn default_transport() -> String {
    "tcp".to_owned()
}

fn default_ip() -> String {
    "127.0.0.1".to_owned()
}

impl ConnectionFile {
    /// Reads and checks a connection file.
    ///
    /// # Errors
    /// When it cannot be read or asks for something this kernel does not know.
    pub fn read(path: &Path) -> Result<Self, ConnectionError> {
        let bytes = std::fs::read(path).map_err(|source| ConnectionError::Read {
            path: path.to_owned(),
            source,
        })?;
        let parsed = Self::parse(&bytes).map_err(|source| ConnectionError::Parse {
            path: path.to_owned(),
            source,
        })?;
        parsed.checked()
    }

    fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    fn checked(self) -> Result<Self, ConnectionError> {
        match self.signature_scheme.as_deref() {
            None | Some("" | "hmac-sha256") => {}
            Some(other) => return Err(ConnectionError::Scheme(other.to_owned())),
        }
        if !matches!(self.transport.as_str(), "tcp" | "ipc") {
            return Err(ConnectionError::Transport(self.transport));
        }
        let ports = [
            ("shell", self.shell_port),
            ("iopub", self.iopub_port),
            ("stdin", self.stdin_port),
            ("control", self.control_port),
            ("heartbeat", self.hb_port),
        ];
        match ports.iter().find(|(_, port)| *port == 0) {
            Some((name, _)) => Err(ConnectionError::NoPort(name)),
            None => Ok(self),
        }
    }

    /// Signs and verifies with this file's key.
    pub fn signer(&self) -> Signer {
        Signer::new(self.key.as_bytes())
    }

    fn port(&self, channel: Channel) -> u16 {
        match channel {
            Channel::Shell => self.shell_port,
            Channel::Control => self.control_port,
            Channel::Stdin => self.stdin_port,
            Channel::Heartbeat => self.hb_port,
            Channel::IoPub => self.iopub_port,
        }
    }

    /// The address a channel listens on, as ZeroMQ writes it.
    pub fn endpoint(&self, channel: Channel) -> String {
        match self.ipc_path(channel) {
            Some(path) => format!("ipc://{}", path.display()),
            None => format!("tcp://{}:{}", self.bracketed_host(), self.port(channel)),
        }
    }

    /// Host and port of a channel on TCP.
    pub fn tcp_address(&self, channel: Channel) -> String {
        format!("{}:{}", self.bracketed_host(), self.port(channel))
    }

    /// The socket file of a channel, if the transport is `ipc`. Jupyter names it `<ip>-<port>`.
    pub fn ipc_path(&self, channel: Channel) -> Option<PathBuf> {
        (self.transport == "ipc").then(|| PathBuf::from(format!("{}-{}", self.ip, self.port(channel))))
    }

    fn bracketed_host(&self) -> String {
        match self.ip.as_str() {
            "*" | "" => "0.0.0.0".to_owned(),
            ip if ip.contains(':') && !ip.starts_with('[') => format!("[{ip}]"),
            ip => ip.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: &str = r#""shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5"#;

    fn check(rest: &str) -> Result<ConnectionFile, ConnectionError> {
        ConnectionFile::parse(format!("{{{PORTS}{rest}}}").as_bytes())
            .unwrap()
            .checked()
    }

    #[test]
    fn what_is_missing_has_jupyters_defaults() {
        let file = check("").unwrap();
        assert_eq!(file.endpoint(Channel::Control), "tcp://127.0.0.1:4");
        assert!(file.signer().is_off());
    }

    #[test]
    fn unknown_fields_do_not_matter() {
        assert!(check(r#","jupyter_session":"/a/b.ipynb","kernel_name":"x""#).is_ok());
    }

    #[test]
    fn ipc_and_ipv6_addresses() {
        let ipc = check(r#","transport":"ipc","ip":"/run/k""#).unwrap();
        assert_eq!(ipc.endpoint(Channel::Shell), "ipc:///run/k-1");
        let six = check(r#","ip":"::1""#).unwrap();
        assert_eq!(six.endpoint(Channel::IoPub), "tcp://[::1]:2");
    }

    #[test]
    fn a_scheme_nobody_knows_is_named() {
        let error = check(r#","signature_scheme":"hmac-md5""#).unwrap_err();
        assert!(error.to_string().contains("`hmac-md5`"), "{error}");
    }

    #[test]
    fn a_missing_port_is_named() {
        let error = ConnectionFile::parse(br#"{"shell_port":1}"#)
            .unwrap()
            .checked()
            .unwrap_err();
        assert!(error.to_string().contains("iopub"), "{error}");
    }
}
