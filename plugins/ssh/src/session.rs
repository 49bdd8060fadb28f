//! One SSH connection, through all its hops, with the host keys checked.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use banquet_sdk::{Dialed, Error};
use russh::client::{self, DisconnectReason, Handle, Msg};
use russh::keys::{Algorithm, PublicKeyOrCertificate, known_hosts};
use russh::{Channel, ChannelOpenFailure, Preferred, cipher, compression};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::auth;
use crate::config::HostKeys;
use crate::failure::Failure;
use crate::route::{self, within};
use crate::script::Login;
use crate::target::{Hop, Target, shown};

/// Messages of one channel that may wait before the connection stops reading.
const CHANNEL_BUFFER: usize = 64;
/// A gateway's channel is a whole connection: it must not stand still while that one writes.
const GATEWAY_BUFFER: usize = 1024;

/// How often a server that opens no more sessions is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// An open connection to an instance.
pub(crate) struct Session {
    handle: Handle<Guard>,
    /// Each carries the next, the last one the instance's own.
    _gateways: Vec<Handle<Guard>>,
    seen: Arc<Mutex<Seen>>,
    /// A permit for each command that the server lets run at once.
    pub commands: Arc<Semaphore>,
    /// Held by who ends a command of which nobody hears any more: each needs a session beyond the
    /// permits.
    pub ending: tokio::sync::Mutex<()>,
    /// For people: `root@10.0.0.1:22`.
    pub name: String,
    user: String,
    sudo_password: Option<String>,
    timeout: Duration,
}

impl Session {
    /// Connects and logs in, hop by hop.
    pub async fn open(target: &Target) -> Result<Self, Failure> {
        let mut gateways: Vec<Handle<Guard>> = Vec::new();
        for (index, hop) in target.hops.iter().enumerate() {
            let is_last = index + 1 == target.hops.len();
            let stream = match gateways.last() {
                None => open_route(hop, target).await?,
                Some(gateway) => through(gateway, &target.hops[index - 1], hop, target).await?,
            };
            let (handle, seen) = greet(stream, hop, target, is_last).await?;
            if is_last {
                return Ok(Self {
                    handle,
                    _gateways: gateways,
                    seen,
                    commands: Arc::new(Semaphore::new(target.sessions)),
                    ending: tokio::sync::Mutex::default(),
                    name: hop.name(),
                    user: hop.user.clone(),
                    sudo_password: target.sudo_password.clone(),
                    timeout: target.timeout,
                });
            }
            gateways.push(handle);
        }
        Err(Failure::never(Error::machine(
            "there is no host to connect to",
        )))
    }

    /// Whom the instance let in.
    pub fn login(&self) -> Login<'_> {
        Login {
            user: &self.user,
            sudo_password: self.sudo_password.as_deref(),
        }
    }

    /// Whether it is known to be gone.
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Whether the server answers within the connection's time limit.
    pub async fn answers(&self) -> bool {
        let ping = tokio::time::timeout(self.timeout, self.handle.send_ping()).await;
        matches!(ping, Ok(Ok(()))) && !self.is_closed()
    }

    /// A channel for a command. None: the connection is gone. A server that opens no more sessions
    /// may not have noticed yet that others have ended: it is asked again within the connection's
    /// time limit.
    pub async fn command_channel(&self) -> Result<Option<Channel<Msg>>, Error> {
        let started = Instant::now();
        loop {
            let opening = self.handle.channel_open_session();
            let reason = match tokio::time::timeout(self.timeout, opening).await {
                Ok(Ok(channel)) => return Ok(Some(channel)),
                Ok(Err(russh::Error::ChannelOpenFailure(reason))) => reason,
                Ok(Err(_)) | Err(_) => return Ok(None),
            };
            if started.elapsed() + ASK_AGAIN > self.timeout {
                return Err(Error::machine(format!(
                    "{} opens no more sessions: {}",
                    self.name,
                    no_channel(&reason)
                ))
                .hint(
                    "Set `max_ssh_sessions` of the transport below the server's `MaxSessions`.",
                ));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// A stream to `host` and `port` as the instance sees them.
    pub async fn dial(&self, host: &str, port: u16) -> Result<Box<dyn Dialed>, Error> {
        let opening = self
            .handle
            .channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0);
        let what = || format!("open port {port} of {} through ssh", self.name);
        match tokio::time::timeout(self.timeout, opening).await {
            Ok(Ok(channel)) => Ok(Box::new(channel.into_stream())),
            Ok(Err(russh::Error::ChannelOpenFailure(
                ChannelOpenFailure::AdministrativelyProhibited,
            ))) => Err(Error::machine(format!("{}: the server forbids it", what()))
                .hint("Set `AllowTcpForwarding yes` in the server's sshd_config.")),
            Ok(Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::ConnectFailed))) => {
                Err(Error::machine(format!("{}: nobody serves it", what())))
            }
            Ok(Err(error)) => Err(Error::machine(format!("{}: {error}", what()))),
            Err(_) => Err(Error::timeout(what(), self.timeout)),
        }
    }

    /// The connection broke while `what` was done.
    pub fn lost(&self, what: &str) -> Error {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let why = seen.ended.as_deref().unwrap_or("it was cut");
        Error::lost(format!(
            "{what}: lost the connection to {}: {why}",
            self.name
        ))
    }
}

async fn open_route(hop: &Hop, target: &Target) -> Result<Box<dyn Dialed>, Failure> {
    let what = || format!("connect to {}:{}", hop.host, hop.port);
    within(
        target.timeout,
        what,
        route::open(hop, target.proxy.as_ref()),
    )
    .await
}

/// Why a server opens no channel (RFC 4254, 5.1).
fn no_channel(reason: &russh::ChannelOpenFailure) -> String {
    use russh::ChannelOpenFailure::{
        AdministrativelyProhibited, ConnectFailed, Other, ResourceShortage, UnknownChannelType,
    };
    match reason {
        AdministrativelyProhibited => "its settings forbid it",
        ConnectFailed => "it does not reach the address",
        ResourceShortage => "it has too little room",
        UnknownChannelType => "it does not know such channels",
        Other { reason, .. } if !reason.is_empty() => reason,
        Other { .. } => "it gives no reason",
    }
    .to_owned()
}

/// A stream to `hop` through the host before it.
async fn through(
    gateway: &Handle<Guard>,
    before: &Hop,
    hop: &Hop,
    target: &Target,
) -> Result<Box<dyn Dialed>, Failure> {
    let what = || format!("reach {}:{} through {}", hop.host, hop.port, before.name());
    let opening = async {
        let opened = gateway
            .channel_open_direct_tcpip(hop.host.as_str(), u32::from(hop.port), "127.0.0.1", 0)
            .await;
        opened.map_err(|error| {
            let why = match error {
                russh::Error::ChannelOpenFailure(reason) => no_channel(&reason),
                other => other.to_string(),
            };
            Failure::again(Error::machine(format!("{}: {why}", what())))
        })
    };
    let channel = within(target.timeout, what, opening).await?;
    Ok(Box::new(channel.into_stream()))
}

/// Shakes hands and logs in.
async fn greet(
    stream: Box<dyn Dialed>,
    hop: &Hop,
    target: &Target,
    is_last: bool,
) -> Result<(Handle<Guard>, Arc<Mutex<Seen>>), Failure> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let guard = Guard {
        hop: hop.clone(),
        target: target.clone(),
        seen: seen.clone(),
    };
    let what = || format!("wait for the SSH handshake of {}", hop.name());
    let shaking = async {
        let config = Arc::new(client_config(hop, target, is_last));
        let shaken = client::connect_stream(config, stream, guard).await;
        shaken.map_err(|error| refusal(&seen, hop, &error))
    };
    let mut handle = within(target.timeout, what, shaking).await?;
    let what = || format!("log in to {}", hop.name());
    let logging_in = auth::log_in(&mut handle, hop);
    let mut logged_in = within(target.timeout, what, logging_in).await;
    if let Err(failure) = &mut logged_in {
        let banner = &seen.lock().unwrap_or_else(PoisonError::into_inner).banner;
        if !banner.is_empty() {
            let said = format!("; the server says: {}", banner.trim());
            failure.error.message.push_str(&said);
        }
    }
    logged_in?;
    Ok((handle, seen))
}

fn refusal(seen: &Mutex<Seen>, hop: &Hop, error: &russh::Error) -> Failure {
    let refused = &seen.lock().unwrap_or_else(PoisonError::into_inner).refused;
    if let Some(error) = refused {
        return Failure::never(error.clone());
    }
    let why = match error {
        russh::Error::Disconnect | russh::Error::HUP => "the server hung up".to_owned(),
        other => other.to_string(),
    };
    Failure::again(Error::machine(format!(
        "shake hands with {}: {why}",
        hop.name()
    )))
}

fn client_config(hop: &Hop, target: &Target, is_last: bool) -> client::Config {
    let mut preferred = Preferred {
        // The processor has instructions for AES.
        cipher: Cow::Borrowed(&[
            cipher::AES_128_GCM,
            cipher::AES_256_GCM,
            cipher::CHACHA20_POLY1305,
            cipher::AES_256_CTR,
            cipher::AES_192_CTR,
            cipher::AES_128_CTR,
        ]),
        compression: match target.compression {
            true => Cow::Borrowed(&[
                compression::ZLIB_LEGACY,
                compression::ZLIB,
                compression::NONE,
            ]),
            false => Cow::Borrowed(&[compression::NONE]),
        },
        ..Preferred::default()
    };
    let known = known_keys(hop, target);
    if !known.is_empty() {
        // Of a server's several keys the one that is known must be shown.
        let is_known = |algorithm: &&Algorithm| {
            known
                .iter()
                .any(|key| signs_with(&key.algorithm(), algorithm))
        };
        let (mut first, mut rest): (Vec<_>, Vec<_>) = preferred
            .key
            .iter()
            .cloned()
            .partition(|algorithm| is_known(&algorithm));
        first.append(&mut rest);
        preferred.key = Cow::Owned(first);
    }
    client::Config {
        preferred,
        keepalive_interval: target.keepalive,
        keepalive_max: target.keepalive_max,
        channel_buffer_size: if is_last {
            CHANNEL_BUFFER
        } else {
            GATEWAY_BUFFER
        },
        ..client::Config::default()
    }
}

/// Whether a key of `key` signs with `algorithm`; an RSA key does with any hash.
fn signs_with(key: &Algorithm, algorithm: &Algorithm) -> bool {
    match (key, algorithm) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        _ => key == algorithm,
    }
}

fn known_keys(hop: &Hop, target: &Target) -> Vec<russh::keys::PublicKey> {
    match (&target.known_hosts, target.host_keys) {
        (_, HostKeys::Any) | (None, _) => Vec::new(),
        (Some(file), _) => known_hosts::known_host_keys_path(&hop.host, hop.port, file)
            .map(|keys| keys.into_iter().map(|(_, key)| key).collect())
            // An unreadable line is told by the check itself.
            .unwrap_or_default(),
    }
}

/// What a connection noticed besides the answers to calls.
#[derive(Default)]
struct Seen {
    banner: String,
    refused: Option<Error>,
    ended: Option<String>,
}

/// Checks host keys and remembers what the server says.
pub(crate) struct Guard {
    hop: Hop,
    target: Target,
    seen: Arc<Mutex<Seen>>,
}

impl Guard {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, key: &russh::keys::PublicKey) -> Result<(), Error> {
        if self.target.host_keys == HostKeys::Any {
            return Ok(());
        }
        let (host, port) = (&self.hop.host, self.hop.port);
        let file = self.target.known_hosts.as_deref().ok_or_else(|| {
            Error::config(
                "/known_hosts",
                "there is no home directory with known hosts",
            )
        })?;
        let fingerprint = key.fingerprint(russh::keys::HashAlg::Sha256);
        let said = format!(
            "host key of {host}:{port} ({} {fingerprint})",
            key.algorithm()
        );
        match known_hosts::check_known_hosts_path(host, port, key, file) {
            Ok(true) => Ok(()),
            Ok(false) if self.target.host_keys == HostKeys::AcceptNew => {
                // Another kind of key of a host that is known is no new host.
                if !known_keys(&self.hop, &self.target).is_empty() {
                    return Err(Error::machine(format!("{said} is not in {}", shown(file))));
                }
                known_hosts::learn_known_hosts_path(host, port, key, file)
                    .map_err(|error| Error::machine(format!("note the {said}: {error}")))
            }
            Ok(false) => Err(Error::machine(format!("{said} is not in {}", shown(file)))
                .hint("Add it with ssh-keyscan, or set `verify_host_key: accept_new`.")),
            Err(russh::keys::Error::KeyChanged { line }) => Err(Error::machine(format!(
                "{said} is not the one in line {line} of {}",
                shown(file)
            ))
            .hint("Was the machine made anew? Then take its old key out with ssh-keygen -R.")
            .hint("If not, somebody may be listening in.")),
            Err(error) => Err(Error::machine(format!("read {}: {error}", shown(file)))),
        }
    }
}

impl client::Handler for Guard {
    type Error = russh::Error;

    async fn auth_banner(
        &mut self,
        banner: &str,
        _session: &mut client::Session,
    ) -> Result<(), Self::Error> {
        self.seen().banner.push_str(banner);
        Ok(())
    }

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        match self.check(&key.public_key()) {
            Ok(()) => Ok(true),
            Err(error) => {
                self.seen().refused = Some(error);
                Ok(false)
            }
        }
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        let (why, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => (info.message, Ok(())),
            DisconnectReason::Error(error) => (error.to_string(), Err(error)),
        };
        self.seen().ended = Some(why);
        result
    }
}
