//! Every way in.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use banquet_sdk::{State, Transport};
use banquet_ssh::Ssh;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{self, Auth, ChannelOpenHandle, Response, Server as _};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use serde_json::json;

use crate::server::{Sshd, answer, connect, context, keygen, user};

#[tokio::test]
async fn a_key_of_every_kind_gets_in() {
    let Some(sshd) = Sshd::start() else { return };
    for kind in ["ed25519", "rsa", "ecdsa"] {
        keygen(&sshd.path(kind), kind, "");
        sshd.authorize(kind);
        let connection = sshd
            .connect(json!({"ssh_key": sshd.path(kind)}))
            .await
            .unwrap();
        assert_eq!(answer(connection.as_ref(), "id -un").await, user());
    }
}

#[tokio::test]
async fn the_second_of_two_keys_gets_in() {
    let Some(sshd) = Sshd::start() else { return };
    keygen(&sshd.path("wrong"), "ed25519", "");
    let keys = json!({"ssh_key": [sshd.path("wrong"), sshd.path("id")]});
    sshd.connect(keys).await.unwrap();
}

#[tokio::test]
async fn a_key_with_a_passphrase_needs_it_or_an_agent() {
    let Some(sshd) = Sshd::start() else { return };
    keygen(&sshd.path("locked"), "ed25519", "open sesame");
    sshd.authorize("locked");
    let locked = json!({"ssh_key": sshd.path("locked")});
    let error = sshd.connect(locked.clone()).await.err().unwrap();
    assert!(error.message.contains("ssh-add"), "{error}");

    let mut with = locked.clone();
    with["ssh_key_passphrase"] = "wrong".into();
    let error = sshd.connect(with.clone()).await.err().unwrap();
    assert!(error.message.contains("ssh_key_passphrase"), "{error}");
    with["ssh_key_passphrase"] = "open sesame".into();
    sshd.connect(with).await.unwrap();

    let agent = Agent::start(&sshd);
    // The agent gets the key without its passphrase; the file keeps it.
    std::fs::copy(sshd.path("locked"), sshd.path("unlocked")).unwrap();
    let opened = Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "open sesame", "-N", "", "-f"])
        .arg(sshd.path("unlocked"))
        .stdout(Stdio::null())
        .status();
    assert!(opened.unwrap().success());
    agent.add("unlocked", &sshd);
    let mut with = locked;
    with["ssh_config_file"] = agent.config(&sshd).into();
    sshd.connect(with).await.unwrap();
}

#[tokio::test]
async fn an_agent_gets_in_without_any_file() {
    let Some(sshd) = Sshd::start() else { return };
    let agent = Agent::start(&sshd);
    for kind in ["ed25519", "rsa"] {
        keygen(&sshd.path(kind), kind, "");
        agent.add(kind, &sshd);
    }
    sshd.authorize("rsa");
    let over = json!({"ssh_key": null, "ssh_config_file": agent.config(&sshd)});
    sshd.connect(over).await.unwrap();
}

/// An ssh-agent of its own.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Agent {
    fn start(sshd: &Sshd) -> Self {
        let socket = sshd.path("agent");
        let process = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Self(process);
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            std::thread::yield_now();
        }
        agent
    }

    fn add(&self, name: &str, sshd: &Sshd) {
        let added = Command::new("ssh-add")
            .arg("-q")
            .arg(sshd.path(name))
            .env("SSH_AUTH_SOCK", sshd.path("agent"))
            .stderr(Stdio::null())
            .status();
        assert!(added.unwrap().success());
    }

    /// A client configuration that names the agent.
    fn config(&self, sshd: &Sshd) -> String {
        let file = sshd.path("client");
        let text = format!("IdentityAgent {}\n", sshd.path("agent").display());
        std::fs::write(&file, text).unwrap();
        file.display().to_string()
    }
}

#[tokio::test]
async fn the_users_file_says_where_and_as_whom() {
    let Some(sshd) = Sshd::start() else { return };
    let text = format!(
        "Host nick\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n",
        sshd.port,
        user(),
        sshd.path("id").display()
    );
    std::fs::write(sshd.path("client"), text).unwrap();
    let values = json!({
        "hostname": "nick", "ssh_config_file": "client", "max_wait_until_ready": 0,
        "max_wait_until_authenticated": 0,
    });
    let connection = connect(&Ssh::default(), values, sshd.directory.path()).await;
    assert_eq!(answer(connection.unwrap().as_ref(), "id -un").await, user());
}

#[tokio::test]
async fn compression_is_agreed_on() {
    let Some(sshd) = Sshd::start() else { return };
    for value in [json!(true), json!("zlib"), json!("none")] {
        let connection = sshd.connect(json!({"compression": value})).await.unwrap();
        let much = answer(connection.as_ref(), "yes | head -n 100000").await;
        assert_eq!(much.lines().count(), 100_000);
    }
}

#[tokio::test]
async fn a_state_wins_over_the_settings() {
    let Some(sshd) = Sshd::start() else { return };
    let values = sshd.settings_with(json!({"username": "nobody-of-this-name", "port": 1}));
    let mut state = State::in_memory();
    state.set("username", user());
    state.set("port", sshd.port);
    let cx = context(values, sshd.directory.path());
    Ssh::default().connect(&cx, &state).await.unwrap();
}

#[tokio::test]
async fn login_is_a_command_line_that_gets_in() {
    let Some(sshd) = Sshd::start() else { return };
    let cx = context(sshd.settings(), sshd.directory.path());
    let login = Ssh::default()
        .login(&cx, &State::in_memory())
        .await
        .unwrap();
    let mut command = login.0;
    let out = command.arg("id -un").stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), user());
}

/// A server that takes one password; its commands do nothing.
#[derive(Clone)]
struct Door;

impl server::Server for Door {
    type Handler = Self;

    fn new_client(&mut self, _peer: Option<std::net::SocketAddr>) -> Self {
        self.clone()
    }
}

impl server::Handler for Door {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        Ok(verdict(user == "me" && password == "open sesame"))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(mut response) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Name: ".into(), true), ("Password: ".into(), false)].into(),
            });
        };
        let answers = [response.next(), response.next()];
        Ok(verdict(
            answers == [Some("".into()), Some("open sesame".into())],
        ))
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<server::Msg>,
        reply: ChannelOpenHandle,
        _session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _data: &[u8],
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)?;
        session.exit_status_request(channel, 0)?;
        session.eof(channel)?;
        session.close(channel)
    }
}

fn verdict(right: bool) -> Auth {
    match right {
        true => Auth::Accept,
        false => Auth::reject(),
    }
}

#[tokio::test]
async fn a_password_gets_in_by_itself_and_at_a_prompt() {
    for method in [MethodKind::Password, MethodKind::KeyboardInteractive] {
        let directory = tempfile::tempdir().unwrap();
        let mut random = russh::keys::key::safe_rng();
        let key = PrivateKey::random(&mut random, Algorithm::Ed25519).unwrap();
        let id = directory.path().join("id");
        key.write_openssh_file(&id, LineEnding::LF).unwrap();
        let config = server::Config {
            methods: MethodSet::from([MethodKind::PublicKey, method].as_slice()),
            auth_rejection_time: std::time::Duration::ZERO,
            keys: vec![key],
            ..server::Config::default()
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving =
            tokio::spawn(async move { Door.run_on_socket(Arc::new(config), &listener).await });
        let mut values = json!({
            "hostname": "127.0.0.1", "port": port, "username": "me", "ssh_config_file": "none",
            "password": "open sesame", "ssh_key": id, "max_wait_until_ready": 0,
            "max_wait_until_authenticated": 0,
        });
        let ssh = Ssh::default();
        connect(&ssh, values.clone(), directory.path())
            .await
            .unwrap();
        values["ssh_key_only"] = true.into();
        let error = connect(&ssh, values.clone(), directory.path())
            .await
            .err()
            .unwrap();
        assert!(!error.message.contains("password,"), "{error}");
        values["ssh_key_only"] = false.into();
        values["password"] = "wrong".into();
        let error = connect(&ssh, values, directory.path()).await.err().unwrap();
        assert!(error.message.contains("refused key"), "{error}");
        assert!(error.message.contains("the password"), "{error}");
        serving.abort();
    }
}
