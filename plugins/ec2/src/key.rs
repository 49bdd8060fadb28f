//! The temporary key pair of a run: made on the workstation, so that its private half never travels.

use std::io::Write;
use std::path::{Path, PathBuf};

use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{KeyPairInfo, ResourceType};
use banquet_sdk::{Context, Error, Result};
use russh::keys::ssh_key::{Algorithm, LineEnding, PrivateKey};

use crate::client::Account;
use crate::errors::{Cause, Refusal};
use crate::tags::{Owner, specification};
use crate::values::KeyType;

/// State key, as kitchen-ec2's.
pub const NAME: &str = "auto_key_id";

/// A key pair, of which EC2 may not know yet.
#[derive(Debug)]
pub struct KeyPair {
    /// Its name in the account.
    pub name: String,
    /// The private key.
    pub file: PathBuf,
    public: String,
    /// Made by this call: a pair of its name that the account has is another one.
    fresh: bool,
}

/// Where the private key of a run lies: with what a cluster's members share, or with the instance's.
fn directory(cx: &Context) -> PathBuf {
    cx.cluster_dir().unwrap_or_else(|| cx.work_dir())
}

/// Reads the run's private key, or makes it. Members do so at the same time: the first file counts.
pub async fn prepare(cx: &Context, owner: &Owner, kind: KeyType) -> Result<KeyPair> {
    let name = owner.shared_name();
    let directory = directory(cx);
    let comment = name.clone();
    let made = tokio::task::spawn_blocking(move || read_or_make(&directory, &name, kind));
    let (file, key, fresh) = made
        .await
        .map_err(|error| Error::machine(error.to_string()))?
        .map_err(|error| error.while_doing("make a key pair"))?;
    let mut public = key.public_key().clone();
    public.set_comment(comment.as_str());
    let public = public.to_openssh().map_err(broken)?;
    Ok(KeyPair {
        name: comment,
        file,
        public,
        fresh,
    })
}

fn read_or_make(
    directory: &Path,
    name: &str,
    kind: KeyType,
) -> Result<(PathBuf, PrivateKey, bool)> {
    let file = directory.join(format!("{name}.pem"));
    if !file.exists() {
        std::fs::create_dir_all(directory)?;
        let key = generate(kind)?;
        let text = key.to_openssh(LineEnding::LF).map_err(broken)?;
        // A temporary file is its owner's alone from the start.
        let mut written = tempfile::NamedTempFile::new_in(directory)?;
        written.write_all(text.as_bytes())?;
        written.as_file().sync_all()?;
        match written.persist_noclobber(&file) {
            Ok(_) => return Ok((file, key, true)),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error.into()),
        }
    }
    let key = PrivateKey::read_openssh_file(&file).map_err(broken)?;
    Ok((file, key, false))
}

fn generate(kind: KeyType) -> Result<PrivateKey> {
    let algorithm = match kind {
        KeyType::Ed25519 => Algorithm::Ed25519,
        KeyType::Rsa => Algorithm::Rsa { hash: None },
    };
    PrivateKey::random(&mut russh::keys::key::safe_rng(), algorithm).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::machine(error.to_string())
}

impl KeyPair {
    /// Tells EC2 of the public half. It may know it already.
    pub async fn import(&self, account: &Account, owner: &Owner) -> Result<()> {
        match self.ask(account, owner).await {
            Err(refusal) if refusal.cause() == Cause::Duplicate => {}
            done => return done.map_err(account.doing("import the key pair")),
        }
        if !self.fresh {
            return Ok(());
        }
        let old = account.client.delete_key_pair().key_name(&self.name);
        let gone = old.send().await;
        gone.map_err(account.doing("remove the key pair of the same name"))?;
        let done = self.ask(account, owner).await;
        done.map_err(account.doing("import the key pair"))
    }

    async fn ask(&self, account: &Account, owner: &Owner) -> Result<(), Refusal> {
        let tags = specification(ResourceType::KeyPair, &owner.of_shared());
        let request = account
            .client
            .import_key_pair()
            .key_name(&self.name)
            .public_key_material(Blob::new(self.public.as_bytes()))
            .tag_specifications(tags);
        request.send().await?;
        Ok(())
    }
}

/// The pairs that bear the tags of what `owner` shares.
pub async fn tagged(
    account: &Account,
    filters: Vec<aws_sdk_ec2::types::Filter>,
) -> Result<Vec<KeyPairInfo>> {
    let request = account.client.describe_key_pairs();
    let answer = request.set_filters(Some(filters)).send().await;
    let answer = answer.map_err(account.doing("list the key pairs"))?;
    Ok(answer.key_pairs.unwrap_or_default())
}

/// Removes every pair of `owner`, and their private keys.
pub async fn remove(account: &Account, cx: &Context, owner: &Owner) -> Result<()> {
    for pair in tagged(account, owner.shared()).await? {
        remove_one(account, cx, pair.key_name().unwrap_or_default()).await?;
    }
    // One that was made and never imported.
    forget(cx, &owner.shared_name())
}

/// Removes a pair and its private key. Gone already is success.
pub async fn remove_one(account: &Account, cx: &Context, name: &str) -> Result<()> {
    let asked = account.client.delete_key_pair().key_name(name).send();
    match asked.await.map_err(Refusal::from) {
        Err(refusal) if refusal.cause() != Cause::Absent => {
            Err(account.error("remove the key pair", &refusal))
        }
        _ => forget(cx, name),
    }
}

fn forget(cx: &Context, name: &str) -> Result<()> {
    match std::fs::remove_file(directory(cx).join(format!("{name}.pem"))) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::from(error).while_doing("remove the private key"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("a/b");
        let (file, made, fresh) = read_or_make(&below, "k", KeyType::Ed25519).unwrap();
        let (again, read, second) = read_or_make(&below, "k", KeyType::Ed25519).unwrap();
        assert!(fresh && !second);
        assert_eq!(file, again);
        assert_eq!(made.public_key().key_data(), read.public_key().key_data());
        assert_eq!(std::fs::read_dir(&below).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
