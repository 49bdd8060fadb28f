//! Servers for the tests, each on a port of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use banquet_sdk::conformance::{requires, settings, unique};
use banquet_sdk::process::Collect;
use banquet_sdk::{Connection, Context, Exec, Identity, Result, State, Transport};
use banquet_ssh::Ssh;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where Debian, Fedora and macOS have it.
const SSHD: &str = "/usr/sbin/sshd";

/// An sshd that lets the user of the tests in with the key `id`.
pub struct Sshd {
    pub directory: TempDir,
    pub port: u16,
    process: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Sshd {
    /// None where there is no sshd, which is told.
    pub fn start() -> Option<Self> {
        Self::with("")
    }

    /// With further lines of sshd_config.
    pub fn with(more: &str) -> Option<Self> {
        requires("sshd", missing()).then(|| Self::run(more))
    }

    fn run(more: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        keygen(&at("host"), "ed25519", "");
        keygen(&at("id"), "ed25519", "");
        fs::copy(at("id.pub"), at("authorized")).unwrap();
        loop {
            // Between here and sshd another process may take the port; then there is another.
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            // A bash that sshd starts reads the user's .bashrc, unless it is a shell in a shell.
            let config = format!(
                "{more}\nListenAddress 127.0.0.1:{port}\nHostKey {host}\nAuthorizedKeysFile {keys}\n\
                 StrictModes no\nUsePAM no\nPidFile none\nUseDNS no\nPermitRootLogin yes\n\
                 MaxStartups 200\nSetEnv SHLVL=2\n",
                host = at("host").display(),
                keys = at("authorized").display(),
            );
            fs::write(at("config"), config).unwrap();
            let mut process = Command::new(SSHD)
                .args(["-D", "-e", "-f"])
                .arg(at("config"))
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            if is_listening(&mut process) {
                return Self {
                    directory,
                    port,
                    process,
                };
            }
            process.wait().unwrap();
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Lets in whoever has the key file `name`, too.
    pub fn authorize(&self, name: &str) {
        let mut keys = fs::read_to_string(self.path("authorized")).unwrap();
        keys.push_str(&fs::read_to_string(self.path(name).with_extension("pub")).unwrap());
        fs::write(self.path("authorized"), keys).unwrap();
    }

    /// Lets in whoever gets into `other`.
    pub fn trust(&self, other: &Sshd) {
        fs::copy(other.path("id.pub"), self.path("authorized")).unwrap();
    }

    /// Settings that get in at once.
    pub fn settings(&self) -> Value {
        json!({
            "hostname": "127.0.0.1", "port": self.port, "username": user(),
            "ssh_key": self.path("id"), "ssh_config_file": "none",
            "connection_timeout": 20, "connection_retry_sleep": 0.05,
            "max_wait_until_ready": 0, "max_wait_until_authenticated": 0,
        })
    }

    /// The same with others over them.
    pub fn settings_with(&self, over: Value) -> Value {
        merged(self.settings(), over)
    }

    pub async fn connect(&self, over: Value) -> Result<Box<dyn Connection>> {
        connect(
            &Ssh::default(),
            self.settings_with(over),
            self.directory.path(),
        )
        .await
    }
}

/// Reads until sshd says that it listens; the rest of what it says is read away.
fn is_listening(process: &mut Child) -> bool {
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let listens = lines
        .by_ref()
        .map_while(std::io::Result::ok)
        .any(|line| line.starts_with("Server listening"));
    std::thread::spawn(move || lines.for_each(drop));
    listens
}

fn missing() -> std::result::Result<(), String> {
    if !Path::new(SSHD).exists() {
        return Err(format!("{SSHD} is not there (package openssh-server)"));
    }
    if user() == "root" {
        // sshd insists on it; the package's service makes it at boot.
        fs::create_dir_all("/run/sshd").map_err(|error| format!("make /run/sshd: {error}"))?;
    }
    Ok(())
}

pub fn merged(mut below: Value, over: Value) -> Value {
    let map = below.as_object_mut().unwrap();
    for (key, value) in over.as_object().unwrap() {
        map.insert(key.clone(), value.clone());
    }
    below
}

/// Name of the user who runs the tests.
pub fn user() -> String {
    let id = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

/// Makes a key pair.
pub fn keygen(path: &Path, kind: &str, passphrase: &str) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

pub fn context(values: Value, root: &Path) -> Context {
    let identity = Identity {
        project: unique(),
        cluster: None,
        instance: "default-test".into(),
        suite: "default".into(),
        platform: "test".into(),
        run: unique(),
    };
    Context::for_tests(identity, root.into(), settings(values))
}

pub async fn connect(ssh: &Ssh, values: Value, root: &Path) -> Result<Box<dyn Connection>> {
    ssh.connect(&context(values, root), &State::in_memory())
        .await
}

/// What a command that must succeed prints.
pub async fn answer(connection: &dyn Connection, command: &str) -> String {
    let text = Collect::default();
    let status = connection.exec(&Exec::new(command), &text).await.unwrap();
    let (out, err) = text.into_parts();
    assert_eq!(status.0, 0, "{command}: {out}{err}");
    out.trim_end().to_owned()
}

/// A TCP relay that can cut its connections.
pub struct Cut {
    pub port: u16,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// Wakes every relay to its end.
    cut: tokio::sync::Notify,
    /// Wakes every relay to hold its connections open in silence.
    freeze: tokio::sync::Notify,
    accepted: AtomicUsize,
    /// So many connections are closed as they come.
    refused: AtomicUsize,
    /// Bytes to the server until the cut; 0: no limit.
    left: AtomicUsize,
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Cut {
    pub async fn before(server: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let accepting = tokio::spawn({
            let shared = shared.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let refuse = |left: usize| left.checked_sub(1);
                    if shared
                        .refused
                        .fetch_update(Relaxed, Relaxed, refuse)
                        .is_ok()
                    {
                        continue;
                    }
                    shared.accepted.fetch_add(1, Relaxed);
                    let server = tokio::net::TcpStream::connect(("127.0.0.1", server)).await;
                    tokio::spawn(relay(client, server.unwrap(), shared.clone()));
                }
            }
        });
        Self {
            port,
            shared,
            accepting,
        }
    }

    /// Cuts every connection.
    pub fn now(&self) {
        self.shared.cut.notify_waiters();
    }

    /// Lets nothing through any more, and tells nobody.
    pub fn freeze(&self) {
        self.shared.freeze.notify_waiters();
    }

    /// Cuts once so many bytes more went to the server.
    pub fn after(&self, bytes: usize) {
        self.shared.left.store(bytes, Relaxed);
    }

    /// Closes the next connections as they come.
    pub fn refuse(&self, connections: usize) {
        self.shared.refused.store(connections, Relaxed);
    }

    pub fn connections(&self) -> usize {
        self.shared.accepted.load(Relaxed)
    }
}

async fn relay(client: tokio::net::TcpStream, server: tokio::net::TcpStream, shared: Arc<Shared>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            if to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
            let left = shared.left.load(Relaxed);
            if left > 0 {
                shared.left.store(left.saturating_sub(read), Relaxed);
                if left <= read {
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = up => {}
        _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
        () = shared.cut.notified() => {}
        () = shared.freeze.notified() => std::future::pending().await,
    }
}
