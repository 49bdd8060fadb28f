//! The stand-in for EC2.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::look::Found;

/// It goes when this does: its input ends then.
pub struct Cloud {
    process: Child,
    /// Where it answers, `http://ADDRESS:PORT`.
    pub endpoint: String,
}

impl Cloud {
    /// Starts it, with the Python that `BANQUET_MOTO` names.
    pub fn start() -> Result<Self, String> {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/ec2/tests/moto/cloud.py");
        let python = std::env::var("BANQUET_MOTO").unwrap_or_else(|_| "python3".into());
        let mut process = Command::new(&python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{python}: {error}"))?;
        let mut line = String::new();
        if let Some(out) = process.stdout.take() {
            let read = BufReader::new(out).read_line(&mut line);
            read.map_err(|error| format!("{python}: {error}"))?;
        }
        let facts: Value = serde_json::from_str(&line)
            .map_err(|_| "BANQUET_MOTO names no Python with moto[server,ec2]".to_owned())?;
        let endpoint = facts["endpoint"]
            .as_str()
            .ok_or("a cloud without an endpoint")?;
        Ok(Self {
            endpoint: endpoint.to_owned(),
            process,
        })
    }

    /// Machines that are not gone, groups and keys that have `token` in their tags.
    pub fn named(&self, token: &str) -> Result<Vec<Found>, String> {
        let mut found = Vec::new();
        for (action, item, alive) in [
            ("DescribeInstances", "<instanceId>", true),
            ("DescribeSecurityGroups", "<groupId>", false),
            ("DescribeKeyPairs", "<keyPairId>", false),
        ] {
            let answer = self.ask(action).map_err(|error| error.to_string())?;
            // Each part begins with the id of a thing, and has all that belongs to it.
            for part in answer.split(item).skip(1) {
                let is_gone = alive && part.contains("<name>terminated</name>");
                if part.contains(token) && !is_gone {
                    let id = part.split('<').next().unwrap_or_default();
                    found.push(Found::Cloud(format!("{action}: {id}")));
                }
            }
        }
        Ok(found)
    }

    fn ask(&self, action: &str) -> std::io::Result<String> {
        let address = self.endpoint.trim_start_matches("http://");
        let body = format!("Action={action}&Version=2016-11-15");
        let mut stream = TcpStream::connect(address)?;
        // Nobody checks the signature; the region is read from it.
        write!(
            stream,
            "POST / HTTP/1.0\r\nHost: ec2.eu-west-1.amazonaws.com\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/ec2/aws4_request, \
             SignedHeaders=host, Signature=none\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        match answer
            .split_once(' ')
            .is_some_and(|(_, rest)| rest.starts_with("200"))
        {
            true => Ok(answer),
            false => Err(std::io::Error::other(format!("{action}: {answer}"))),
        }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
