//! Logs in: keys from files and from the agent, then the password, then prompts.

use std::path::PathBuf;
use std::sync::Arc;

use banquet_sdk::Error;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Prompted};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::{AgentClient, AgentStream};
use russh::keys::{self, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use russh::{MethodKind, MethodSet};

use crate::failure::Failure;
use crate::session::Guard;
use crate::target::{Credentials, Hop, shown};

type Agent = AgentClient<Box<dyn AgentStream + Send + Unpin>>;

/// Logs in to `hop`. The error says what was tried and what the server would take.
pub(crate) async fn log_in(handle: &mut Handle<Guard>, hop: &Hop) -> Result<(), Failure> {
    let mut login = Login {
        handle,
        hop,
        tried: Vec::new(),
        problems: Vec::new(),
        offered: None,
    };
    if login.run().await? {
        return Ok(());
    }
    Err(login.failure())
}

struct Login<'a> {
    handle: &'a mut Handle<Guard>,
    hop: &'a Hop,
    tried: Vec<String>,
    problems: Vec<String>,
    /// What the server would take, once it has said so.
    offered: Option<MethodSet>,
}

impl Login<'_> {
    async fn run(&mut self) -> Result<bool, Failure> {
        let credentials = &self.hop.credentials;
        let found = read_keys(credentials).await?;
        let (mut agent, identities) = self.agent(credentials).await;
        let mut in_agent: Vec<PublicKey> = Vec::new();
        if let Some(agent) = &mut agent {
            for identity in identities {
                let AgentIdentity::PublicKey { key, comment } = identity else {
                    continue;
                };
                let wanted = !credentials.named || found.iter().any(|file| file.is(&key));
                if wanted && self.offers(MethodKind::PublicKey) {
                    in_agent.push(key.clone());
                    if self.agent_key(agent, key, &comment).await? {
                        return Ok(true);
                    }
                }
            }
        }
        for file in found {
            if in_agent.iter().any(|key| file.is(key)) {
                continue;
            }
            if self.file_key(file).await? {
                return Ok(true);
            }
        }
        let Some(password) = credentials.password.clone() else {
            return Ok(false);
        };
        Ok(self.password(&password).await? || self.prompts(&password).await?)
    }

    fn offers(&self, method: MethodKind) -> bool {
        self.offered
            .as_ref()
            .is_none_or(|offered| offered.contains(&method))
    }

    /// Whether that was it; an error where the server hung up.
    fn judge(&mut self, what: String, result: AuthResult) -> Result<bool, Failure> {
        self.tried.push(what);
        match result {
            AuthResult::Success => Ok(true),
            AuthResult::Failure {
                remaining_methods, ..
            } => {
                if remaining_methods.is_empty() {
                    self.problems.push("the server hung up".into());
                    return Err(self.failure());
                }
                self.offered = Some(remaining_methods);
                Ok(false)
            }
        }
    }

    async fn agent(&mut self, credentials: &Credentials) -> (Option<Agent>, Vec<AgentIdentity>) {
        let Some(socket) = &credentials.agent else {
            return (None, Vec::new());
        };
        match identities(socket).await {
            Ok((agent, identities)) => (Some(agent), identities),
            Err(error) => {
                let socket = shown(socket);
                self.problems
                    .push(format!("ask the agent at {socket}: {error}"));
                (None, Vec::new())
            }
        }
    }

    async fn agent_key(
        &mut self,
        agent: &mut Agent,
        key: PublicKey,
        comment: &str,
    ) -> Result<bool, Failure> {
        let what = format!("key {comment} of the agent");
        let hash = self.hash_for(&key).await;
        let user = self.hop.user.clone();
        let result = self
            .handle
            .authenticate_publickey_with(user, key, hash, agent);
        match result.await {
            Ok(result) => self.judge(what, result),
            Err(error) => {
                self.problems.push(format!("sign with {what}: {error}"));
                Ok(false)
            }
        }
    }

    async fn file_key(&mut self, file: KeyFile) -> Result<bool, Failure> {
        let what = format!("key {}", shown(&file.path));
        if !self.offers(MethodKind::PublicKey) {
            return Ok(false);
        }
        let key = match file.key {
            Ok(key) => Arc::new(key),
            Err(problem) => {
                self.problems.push(problem);
                return Ok(false);
            }
        };
        let hash = self.hash_for(key.public_key()).await;
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let user = self.hop.user.clone();
        let result = self.handle.authenticate_publickey(user, key).await;
        let result = result.map_err(|error| self.broken(&error))?;
        self.judge(what, result)
    }

    async fn password(&mut self, password: &str) -> Result<bool, Failure> {
        if !self.offers(MethodKind::Password) {
            return Ok(false);
        }
        let user = self.hop.user.clone();
        let result = self.handle.authenticate_password(user, password).await;
        let result = result.map_err(|error| self.broken(&error))?;
        self.judge("the password".into(), result)
    }

    /// Answers every prompt that hides its input with the password.
    async fn prompts(&mut self, password: &str) -> Result<bool, Failure> {
        if !self.offers(MethodKind::KeyboardInteractive) {
            return Ok(false);
        }
        let what = "the password at a prompt".to_owned();
        let user = self.hop.user.clone();
        let mut reply = self
            .handle
            .authenticate_keyboard_interactive_start(user, None)
            .await
            .map_err(|error| self.broken(&error))?;
        loop {
            match reply {
                Prompted::Success => return self.judge(what, AuthResult::Success),
                Prompted::Failure {
                    remaining_methods,
                    partial_success,
                } => {
                    let result = AuthResult::Failure {
                        remaining_methods,
                        partial_success,
                    };
                    return self.judge(what, result);
                }
                Prompted::InfoRequest { prompts, .. } => {
                    let answers = prompts
                        .iter()
                        .map(|prompt| if prompt.echo { "" } else { password }.to_owned())
                        .collect();
                    reply = self
                        .handle
                        .authenticate_keyboard_interactive_respond(answers)
                        .await
                        .map_err(|error| self.broken(&error))?;
                }
            }
        }
    }

    /// SHA-1 signatures are only made where the server asks for them.
    async fn hash_for(&self, key: &PublicKey) -> Option<HashAlg> {
        if !key.algorithm().is_rsa() {
            return None;
        }
        match self.handle.best_supported_rsa_hash().await {
            Ok(Some(hash)) => hash,
            _ => Some(HashAlg::Sha256),
        }
    }

    fn broken(&self, error: &russh::Error) -> Failure {
        let message = format!("log in to {}: {error}", self.hop.name());
        Failure::again(Error::machine(message))
    }

    fn failure(&self) -> Failure {
        let mut message = format!("log in to {}: ", self.hop.name());
        if self.tried.is_empty() {
            message.push_str("there is nothing to try");
        } else {
            message.push_str(&format!("refused {}", self.tried.join(", ")));
        }
        for problem in &self.problems {
            message.push_str(&format!("; {problem}"));
        }
        if let Some(offered) = &self.offered {
            let names: Vec<String> = offered.iter().map(String::from).collect();
            message.push_str(&format!("; the server takes {}", names.join(", ")));
        }
        let error = Error::machine(message)
            .hint("Check `username`, `ssh_key` and `password` of the transport.");
        if self.tried.is_empty() {
            return Failure::never(error);
        }
        Failure::refused(error)
    }
}

async fn identities(socket: &std::path::Path) -> Result<(Agent, Vec<AgentIdentity>), keys::Error> {
    #[cfg(unix)]
    let agent = AgentClient::connect_uds(socket).await?;
    #[cfg(windows)]
    let agent = AgentClient::connect_named_pipe(socket).await?;
    let mut agent = agent.dynamic();
    let identities = agent.request_identities().await?;
    Ok((agent, identities))
}

/// A private key file, read.
struct KeyFile {
    path: PathBuf,
    /// Known for an encrypted key, too.
    public: Option<PublicKey>,
    /// The key, or why it cannot be used.
    key: Result<PrivateKey, String>,
}

impl KeyFile {
    fn is(&self, key: &PublicKey) -> bool {
        self.public
            .as_ref()
            .is_some_and(|public| public.key_data() == key.key_data())
    }
}

/// Reads the key files; those that nobody named may be missing.
async fn read_keys(credentials: &Credentials) -> Result<Vec<KeyFile>, Failure> {
    let credentials = credentials.clone();
    // Opening a key with a passphrase takes its time on purpose.
    let reading = tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        for path in &credentials.keys {
            match std::fs::read_to_string(path) {
                Ok(text) => found.push(read_key(path, &text, credentials.passphrase.as_deref())),
                Err(_) if !credentials.named => {}
                Err(error) => {
                    let message = format!("read key {}: {error}", shown(path));
                    return Err(Failure::never(Error::config("/ssh_key", message)));
                }
            }
        }
        Ok(found)
    });
    reading
        .await
        .unwrap_or_else(|error| Err(Failure::never(Error::machine(error.to_string()))))
}

fn read_key(path: &std::path::Path, text: &str, passphrase: Option<&str>) -> KeyFile {
    let named = shown(path);
    let key = keys::decode_secret_key(text, passphrase).map_err(|error| match passphrase {
        None if is_encrypted(text, &error) => format!(
            "key {named} has a passphrase: add it to the agent (ssh-add) or set `ssh_key_passphrase`"
        ),
        Some(_) => format!("open key {named} with `ssh_key_passphrase`: {error}"),
        None => format!("read key {named}: {error}"),
    });
    let public = match &key {
        Ok(key) => Some(key.public_key().clone()),
        Err(_) => PrivateKey::from_openssh(text)
            .map(|key| key.public_key().clone())
            .or_else(|_| keys::load_public_key(path.with_extension("pub")))
            .ok(),
    };
    KeyFile {
        path: path.into(),
        public,
        key,
    }
}

fn is_encrypted(text: &str, error: &keys::Error) -> bool {
    matches!(error, keys::Error::KeyIsEncrypted)
        || PrivateKey::from_openssh(text).is_ok_and(|key| key.is_encrypted())
}
