//! What engines answer when something fails, and what a person can do about it: the one place
//! that knows.

use banquet_sdk::{Error, ErrorKind};
use bollard::errors::Error as Bollard;

use crate::endpoint::Endpoint;

/// What an engine's error is about, as far as callers must tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The thing asked for is not there.
    Absent,
    /// A name is in use, or the state of the thing forbids the call.
    Conflict,
    /// The engine has no such image.
    NoImage,
    /// Anything else.
    Other,
}

/// What `error` is about.
pub fn cause(error: &Bollard) -> Cause {
    let Bollard::DockerResponseServerError {
        status_code,
        message,
    } = error
    else {
        return Cause::Other;
    };
    let message = message.to_lowercase();
    match status_code {
        // Podman answers 500 for a name in use.
        409 | 500 if is_name_in_use(&message) => Cause::Conflict,
        404 if is_no_image(&message) => Cause::NoImage,
        404 => Cause::Absent,
        409 => Cause::Conflict,
        _ => Cause::Other,
    }
}

fn is_name_in_use(message: &str) -> bool {
    message.contains("name") && message.contains("already in use")
}

fn is_no_image(message: &str) -> bool {
    message.contains("no such image")
        || message.contains("image not known")
        || message.contains("image with reference")
}

/// The kitchen's error for an engine's, while `doing` something ("start the container").
pub fn explain(endpoint: &Endpoint, doing: &str, error: Bollard) -> Error {
    let message = match &error {
        Bollard::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Bollard::DockerStreamError { error } => error.trim().to_owned(),
        Bollard::RequestTimeoutError => {
            return Error::new(
                ErrorKind::Timeout,
                format!(
                    "{doing}: the engine at {} did not answer in time",
                    endpoint.host
                ),
            )
            .hint(
                "Look at the engine's log; the keys answer_timeout and read_timeout (seconds) set how long to wait.",
            );
        }
        Bollard::SocketNotFoundError(_) => {
            return unreachable_engine(endpoint, doing, "no such socket");
        }
        other => innermost(other),
    };
    let low = message.to_lowercase();
    if is_connection(&error) {
        return if low.contains("permission denied") {
            forbidden(endpoint, doing)
        } else {
            unreachable_engine(endpoint, doing, &message)
        };
    }
    let mut mapped = Error::machine(format!("{doing}: {message}"));
    if let Some(rule) = RULES
        .iter()
        .find(|rule| rule.signs.iter().any(|sign| low.contains(sign)))
    {
        mapped
            .hints
            .extend(rule.hints.iter().map(|hint| (*hint).to_owned()));
        mapped.key = rule.key.map(Into::into);
    }
    mapped
}

struct Rule {
    /// Parts of the engine's message, lower case.
    signs: &'static [&'static str],
    hints: &'static [&'static str],
    /// The key of the section that is at fault.
    key: Option<&'static str>,
}

/// From the special to the general: the first that fits is taken.
const RULES: &[Rule] = &[
    Rule {
        signs: &["no space left on device", "disk quota exceeded"],
        hints: &[
            "The engine's disk is full: docker system df shows what fills it, docker system prune frees it.",
        ],
        key: None,
    },
    Rule {
        signs: &[
            "could not find an available",
            "address pools have been fully subnetted",
            "non-overlapping ipv4",
        ],
        hints: &[
            "The engine has no address range left for another network: docker network prune removes unused ones.",
            "More ranges: default-address-pools in the engine's daemon.json.",
        ],
        key: None,
    },
    Rule {
        signs: &[
            "port is already allocated",
            "address already in use",
            "ports are not available",
        ],
        hints: &[
            "A port of the workstation is taken: docker ps shows who publishes it; name the container's port alone and the engine chooses a free one.",
        ],
        key: Some("/ports"),
    },
    Rule {
        signs: &[
            "is already in use by",
            "name is already in use",
            "name already in use",
        ],
        hints: &[
            "Another container has this name and is not ours: remove it, or choose another instance_name.",
        ],
        key: Some("/instance_name"),
    },
    Rule {
        signs: &["toomanyrequests", "rate limit"],
        hints: &[
            "The registry limits anonymous pulls: docker login, or name a mirror with docker_registry.",
        ],
        key: None,
    },
    Rule {
        signs: &[
            "unauthorized",
            "authentication required",
            "no basic auth",
            "pull access denied",
            "access to the resource is denied",
        ],
        hints: &[
            "Check the image's name; where it is private, docker login to its registry.",
            "An image that exists nowhere yet: docker build -t NAME ., or the key dockerfile.",
        ],
        key: Some("/image"),
    },
    Rule {
        signs: &[
            "no matching manifest",
            "does not match the specified platform",
            "exec format error",
            "unknown operating system or architecture",
        ],
        hints: &[
            "The image is not made for this platform: the key platform (os/arch) chooses one; a foreign one needs an emulator (binfmt) on the engine's machine.",
        ],
        key: Some("/platform"),
    },
    Rule {
        signs: &[
            "manifest unknown",
            "manifest for",
            "no such image",
            "repository does not exist",
            "image not known",
            "not found: does not exist",
            "invalid reference format",
        ],
        hints: &[
            "Check the image's name and tag.",
            "An image that exists nowhere yet: docker build -t NAME ., or the key dockerfile.",
        ],
        key: Some("/image"),
    },
    Rule {
        signs: &[
            "no such host",
            "dial tcp",
            "connection refused",
            "i/o timeout",
            "tls handshake timeout",
            "network is unreachable",
            "server misbehaving",
        ],
        hints: &[
            "The engine does not reach the registry: check its network and proxy, or load the image (docker load) and set pull: never.",
        ],
        key: None,
    },
    Rule {
        signs: &["unable to apply caps"],
        hints: &[
            "The engine may not give that much: leave privileged and add only the capabilities that are needed with cap_add.",
        ],
        key: Some("/privileged"),
    },
    Rule {
        signs: &[
            "executable file not found",
            "no such file or directory: unknown",
        ],
        hints: &[
            "The command is not in the image: check run_command and entrypoint, or choose an image that has a shell.",
        ],
        key: Some("/run_command"),
    },
];

/// Whether the engine itself was not reached.
fn is_connection(error: &Bollard) -> bool {
    match error {
        Bollard::HyperLegacyError { err } => err.is_connect(),
        Bollard::IOError { .. } => true,
        _ => false,
    }
}

fn forbidden(endpoint: &Endpoint, doing: &str) -> Error {
    Error::machine(format!("{doing}: permission denied on {}", endpoint.host))
        .hint("Join the group that owns the socket and log in anew: sudo usermod -aG docker \"$USER\".")
        .hint("Or use a rootless engine: podman system service, or dockerd-rootless with DOCKER_HOST set.")
}

fn unreachable_engine(endpoint: &Endpoint, doing: &str, why: &str) -> Error {
    Error::machine(format!(
        "{doing}: no engine answers at {} (from {}): {why}",
        endpoint.host, endpoint.origin
    ))
    .hint("Start it: dockerd, systemctl start docker, or podman system service.")
    .hint("Where the engine is elsewhere, set DOCKER_HOST or the driver's key socket.")
}

/// What caused an error, at last: what is said around it are the names of libraries.
fn innermost(error: &Bollard) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    banquet_sdk::wording::without_numbers(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint {
            host: "unix:///e.sock".into(),
            certificates: None,
            origin: "DOCKER_HOST".into(),
        }
    }

    fn answered(status_code: u16, message: &str) -> Bollard {
        Bollard::DockerResponseServerError {
            status_code,
            message: message.into(),
        }
    }

    #[test]
    fn causes() {
        for (status, message, wanted) in [
            (404, "No such image: x:1", Cause::NoImage),
            (404, "No such container: x", Cause::Absent),
            (
                409,
                "Conflict. The container name \"/x\" is already in use",
                Cause::Conflict,
            ),
            (
                500,
                "the container name \"x\" is already in use by 5744",
                Cause::Conflict,
            ),
            (500, "boom", Cause::Other),
        ] {
            assert_eq!(cause(&answered(status, message)), wanted, "{message}");
        }
    }

    #[test]
    fn every_failure_that_people_meet_says_what_to_do() {
        for (message, hint, key) in [
            (
                "write /x: no space left on device",
                "docker system prune",
                None,
            ),
            (
                "could not find an available, non-overlapping IPv4 address pool among the defaults",
                "network prune",
                None,
            ),
            (
                "driver failed programming external connectivity: Bind for 0.0.0.0:80 failed: port is already allocated",
                "docker ps",
                Some("/ports"),
            ),
            (
                "Conflict. The container name \"/web\" is already in use by container \"ab\".",
                "instance_name",
                Some("/instance_name"),
            ),
            (
                "pull access denied for x, repository does not exist or may require 'docker login'",
                "docker login",
                Some("/image"),
            ),
            (
                "manifest for debian:99 not found: manifest unknown",
                "name and tag",
                Some("/image"),
            ),
            (
                "no matching manifest for linux/arm64 in the manifest list entries",
                "platform",
                Some("/platform"),
            ),
            (
                "Get \"https://r.test/v2/\": dial tcp: lookup r.test: no such host",
                "registry",
                None,
            ),
            (
                "unable to apply caps: operation not permitted",
                "cap_add",
                Some("/privileged"),
            ),
            (
                "exec: \"/sbin/init\": stat /sbin/init: executable file not found in $PATH",
                "run_command",
                Some("/run_command"),
            ),
        ] {
            let error = explain(&endpoint(), "make it", answered(500, message));
            assert_eq!(error.message, format!("make it: {message}"));
            assert!(
                error.hints.iter().any(|h| h.contains(hint)),
                "{message}: {:?}",
                error.hints
            );
            assert_eq!(error.key.as_deref(), key, "{message}");
        }
    }

    #[test]
    fn an_engine_that_is_not_there_names_the_socket_and_who_chose_it() {
        let error = explain(
            &endpoint(),
            "list",
            Bollard::SocketNotFoundError("/e.sock".into()),
        );
        assert!(
            error.message.contains("unix:///e.sock (from DOCKER_HOST)"),
            "{error}"
        );
        assert!(error.hints[0].contains("systemctl start docker"));
        let refused = std::io::Error::from_raw_os_error(111);
        let error = explain(&endpoint(), "list", Bollard::IOError { err: refused });
        assert!(
            error
                .message
                .ends_with("(from DOCKER_HOST): Connection refused"),
            "{error}"
        );
        let refused = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = explain(&endpoint(), "list", Bollard::IOError { err: refused });
        assert!(error.hints[0].contains("usermod"), "{error}");
    }
}
