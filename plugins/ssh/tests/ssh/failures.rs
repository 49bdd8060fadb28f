//! What goes wrong, and what is said then.

use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;

use banquet_sdk::{ErrorKind, Exec, Line, Output, State, Transport, async_trait};
use banquet_ssh::Ssh;
use serde_json::json;
use tokio::sync::mpsc;

use crate::server::{Cut, Sshd, answer, connect, context, keygen, user};

/// Hands lines on as they come.
struct Told(mpsc::UnboundedSender<String>);

#[async_trait]
impl Output for Told {
    async fn line(&self, line: Line) {
        self.0.send(line.text).unwrap();
    }
}

#[tokio::test]
async fn a_wrong_key_is_named_with_what_the_server_takes() {
    let Some(sshd) = Sshd::start() else { return };
    keygen(&sshd.path("wrong"), "ed25519", "");
    let over = json!({"ssh_key": sshd.path("wrong")});
    let error = sshd.connect(over).await.err().unwrap();
    let message = &error.message;
    assert!(message.contains("refused key"), "{message}");
    assert!(message.contains("/wrong"), "{message}");
    assert!(message.contains("the server takes publickey"), "{message}");
    assert_eq!(error.kind, ErrorKind::Machine);
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let Some(sshd) = Sshd::start() else { return };
    let over = json!({"ssh_key": null, "password": "wrong-one", "ssh_key_passphrase": "x"});
    let error = sshd.connect(over).await.err().unwrap();
    assert!(error.message.contains("the password"), "{error}");
    assert!(!error.message.contains("wrong-one"), "{error}");
}

#[tokio::test]
async fn a_missing_key_file_is_the_configurations_fault_at_once() {
    let Some(sshd) = Sshd::start() else { return };
    let over = json!({"ssh_key": "nowhere", "max_wait_until_ready": 600});
    let error = sshd.connect(over).await.err().unwrap();
    assert_eq!(error.key.as_deref(), Some("/ssh_key"));
    assert!(error.message.contains("nowhere"), "{error}");
}

#[tokio::test]
async fn a_changed_host_key_is_refused_at_once() {
    let Some(sshd) = Sshd::start() else { return };
    let known = sshd.path("known");
    let over = json!({
        "verify_host_key": "accept_new", "known_hosts": known, "max_wait_until_ready": 600,
    });
    sshd.connect(over.clone()).await.unwrap();
    keygen(&sshd.path("other"), "ed25519", "");
    let other = std::fs::read_to_string(sshd.path("other.pub")).unwrap();
    std::fs::write(&known, format!("[127.0.0.1]:{} {other}", sshd.port)).unwrap();
    let error = sshd.connect(over).await.err().unwrap();
    sshd.connect(json!({"known_hosts": known})).await.unwrap();
    assert!(
        error.message.contains("is not the one in line 1"),
        "{error}"
    );
    assert!(
        error
            .hints
            .iter()
            .any(|hint| hint.contains("ssh-keygen -R"))
    );
}

#[tokio::test]
async fn an_unknown_host_is_refused_where_keys_must_be_known() {
    let Some(sshd) = Sshd::start() else { return };
    let known = sshd.path("known");
    let over = json!({"verify_host_key": "always", "known_hosts": known});
    let error = sshd.connect(over.clone()).await.err().unwrap();
    assert!(error.message.contains("is not in"), "{error}");
    let key = std::fs::read_to_string(sshd.path("host.pub")).unwrap();
    std::fs::write(&known, format!("[127.0.0.1]:{} {key}", sshd.port)).unwrap();
    sshd.connect(over).await.unwrap();
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let values = json!({
        "hostname": "127.0.0.1", "port": port, "ssh_config_file": "none",
        "max_wait_until_ready": 0.2, "connection_retry_sleep": 0.05,
    });
    let error = connect(&Ssh::default(), values, directory.path())
        .await
        .err()
        .unwrap();
    assert!(error.message.contains("refused"), "{error}");
    assert!(
        error
            .hints
            .iter()
            .any(|hint| hint.contains("max_wait_until_ready"))
    );
}

#[tokio::test]
async fn a_host_that_accepts_and_never_answers_times_out() {
    let directory = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let values = json!({
        "hostname": "127.0.0.1", "port": silent.local_addr().unwrap().port(),
        "ssh_config_file": "none", "connection_timeout": 0.3, "max_wait_until_ready": 0,
    });
    let error = connect(&Ssh::default(), values, directory.path())
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(error.message.contains("SSH handshake"), "{error}");
}

#[tokio::test]
async fn no_host_name_is_the_configurations_fault() {
    let directory = tempfile::tempdir().unwrap();
    let cx = context(json!({"ssh_config_file": "none"}), directory.path());
    let error = Ssh::default()
        .connect(&cx, &State::in_memory())
        .await
        .err()
        .unwrap();
    assert_eq!(
        (error.kind, error.key.as_deref()),
        (ErrorKind::Config, Some("/hostname"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_within_a_command_is_an_error_and_the_next_command_runs() {
    let Some(sshd) = Sshd::start() else { return };
    let cut = Cut::before(sshd.port).await;
    let connection = sshd.connect(json!({"port": cut.port})).await.unwrap();
    let (lines, mut line) = mpsc::unbounded_channel();
    let lines = Told(lines);
    let sleep = Exec::new("echo $$; exec sleep 600");
    let cutting = async {
        let id = line.recv().await.unwrap();
        cut.now();
        id
    };
    let (ended, id) = tokio::join!(connection.exec(&sleep, &lines), cutting);
    let error = ended.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Machine);
    assert!(error.message.contains("lost the connection"), "{error}");
    answer(connection.as_ref(), &format!("kill {id}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_falls_silent_is_noticed_by_keepalive() {
    let Some(sshd) = Sshd::start() else { return };
    let cut = Cut::before(sshd.port).await;
    let over = json!({"port": cut.port, "keepalive_interval": 0.2, "keepalive_maxcount": 2});
    let connection = sshd.connect(over).await.unwrap();
    let (lines, mut line) = mpsc::unbounded_channel();
    let lines = Told(lines);
    let sleep = Exec::new("echo $$; exec sleep 600");
    let freezing = async {
        let id = line.recv().await.unwrap();
        cut.freeze();
        id
    };
    let both = async { tokio::join!(connection.exec(&sleep, &lines), freezing) };
    let ended = tokio::time::timeout(Duration::from_secs(60), both).await;
    let (ended, id) = ended.expect("keepalive ends it");
    let error = ended.unwrap_err();
    assert!(error.lost && !connection.is_open(), "{error}");
    answer(connection.as_ref(), &format!("kill {id}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_within_an_upload_is_an_error_and_the_next_upload_is_whole() {
    let Some(sshd) = Sshd::start() else { return };
    let cut = Cut::before(sshd.port).await;
    let connection = sshd.connect(json!({"port": cut.port})).await.unwrap();
    let file = sshd.path("large");
    let mut bytes = Vec::new();
    let random = std::fs::File::open("/dev/urandom").unwrap();
    random.take(8_000_000).read_to_end(&mut bytes).unwrap();
    std::fs::write(&file, &bytes).unwrap();
    let remote = sshd.path("remote");
    let remote = remote.to_str().unwrap();
    cut.after(1_000_000);
    let error = connection.upload(&[&file], remote).await.unwrap_err();
    assert!(error.message.contains("lost the connection"), "{error}");
    connection.upload(&[&file], remote).await.unwrap();
    assert_eq!(std::fs::read(sshd.path("remote/large")).unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_died_is_made_again() {
    let Some(sshd) = Sshd::start() else { return };
    let cut = Cut::before(sshd.port).await;
    let ssh = Ssh::default();
    let cx = context(
        sshd.settings_with(json!({"port": cut.port})),
        sshd.directory.path(),
    );
    let state = State::in_memory();
    let connection = ssh.connect(&cx, &state).await.unwrap();
    let parent = "ps -o ppid= -p $PPID";
    let first = answer(connection.as_ref(), parent).await;
    let again = ssh.connect(&cx, &state).await.unwrap();
    assert_eq!(cut.connections(), 1, "one connection an instance");
    assert_eq!(answer(again.as_ref(), parent).await, first);
    cut.now();
    assert_eq!(answer(connection.as_ref(), "echo here").await, "here");
    assert_eq!(answer(again.as_ref(), "echo here").await, "here");
    assert_eq!(cut.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_boots_is_waited_for() {
    let Some(sshd) = Sshd::start() else { return };
    let cut = Cut::before(sshd.port).await;
    cut.refuse(3);
    let over = json!({"port": cut.port, "max_wait_until_ready": 60});
    let connection = sshd.connect(over).await.unwrap();
    assert_eq!(answer(connection.as_ref(), "id -un").await, user());
}

#[tokio::test]
async fn a_cancelled_wait_ends_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let values = json!({
        "hostname": "127.0.0.1", "port": silent.local_addr().unwrap().port(),
        "ssh_config_file": "none",
    });
    let cx = context(values, directory.path());
    cx.cancel.cancel();
    let ssh = Ssh::default();
    let state = State::in_memory();
    let waiting = ssh.connect(&cx, &state);
    let ended = tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap();
    assert_eq!(ended.err().unwrap().kind, ErrorKind::Cancelled);
}
