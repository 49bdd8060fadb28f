//! Hosts to go through, as ProxyJump of ssh_config(5) writes them.

use banquet_sdk::{Error, Result};

/// One `[user@]host[:port]`.
#[derive(Debug, PartialEq)]
pub(crate) struct Jump {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
}

impl Jump {
    /// The jumps of a list with commas, or of `none`; `key` is at fault where it is no such list.
    pub fn list(text: &str, key: &str) -> Result<Vec<Self>> {
        if text.trim() == "none" {
            return Ok(Vec::new());
        }
        text.split(',')
            .map(|one| {
                Self::parse(one.trim())
                    .ok_or_else(|| Error::config(key, format!("`{one}` is not [user@]host[:port]")))
            })
            .collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("ssh://").unwrap_or(text);
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, text),
        };
        let (host, port) = if let Some(rest) = rest.strip_prefix('[') {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        } else {
            match rest.split_once(':') {
                // More than one colon: an IPv6 address without a port.
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (rest, None),
            }
        };
        let port = port.map(str::parse).transpose().ok()?;
        (!host.is_empty()).then(|| Self {
            user,
            host: host.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_read() {
        let v6 = Jump::parse("u@[::1]:22").unwrap();
        assert_eq!((v6.host.as_str(), v6.port), ("::1", Some(22)));
        assert_eq!(Jump::parse("fe80::1").unwrap().host, "fe80::1");
        assert_eq!(Jump::parse("ssh://u@h").unwrap().user.as_deref(), Some("u"));
        assert_eq!(Jump::parse(""), None);
    }
}
