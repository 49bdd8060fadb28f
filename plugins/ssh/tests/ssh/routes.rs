//! Through other hosts.

use banquet_sdk::{State, Transport};
use banquet_ssh::Ssh;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::server::{Cut, Sshd, answer, connect, context, user};

#[tokio::test(flavor = "multi_thread")]
async fn through_a_gateway() {
    let Some(gateway) = Sshd::start() else { return };
    let Some(sshd) = Sshd::start() else { return };
    sshd.trust(&gateway);
    let cut = Cut::before(gateway.port).await;
    let over = json!({
        "ssh_gateway": "127.0.0.1", "ssh_gateway_port": cut.port, "ssh_gateway_username": user(),
        "ssh_key": gateway.path("id"),
    });
    let connection = sshd.connect(over).await.unwrap();
    assert_eq!(
        answer(connection.as_ref(), "yes | head -n 50000 | wc -l").await,
        "50000"
    );
    assert_eq!(cut.connections(), 1);
    let file = sshd.path("file");
    std::fs::write(&file, vec![1; 3_000_000]).unwrap();
    let remote = sshd.path("remote");
    connection
        .upload(&[&file], remote.to_str().unwrap())
        .await
        .unwrap();
    assert_eq!(
        std::fs::metadata(remote.join("file")).unwrap().len(),
        3_000_000
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_chain_of_jumps_of_the_users_file() {
    let Some(outer) = Sshd::start() else { return };
    let Some(inner) = Sshd::start() else { return };
    let Some(sshd) = Sshd::start() else { return };
    let text = format!(
        "Host web\n HostName 127.0.0.1\n Port {web}\n IdentityFile {web_key}\n ProxyJump inner\n\
         Host inner\n HostName 127.0.0.1\n Port {inner}\n IdentityFile {inner_key}\n ProxyJump outer\n\
         Host outer\n HostName 127.0.0.1\n Port {outer}\n IdentityFile {outer_key}\n\
         Host *\n User {user}\n",
        web = sshd.port,
        inner = inner.port,
        outer = outer.port,
        web_key = sshd.path("id").display(),
        inner_key = inner.path("id").display(),
        outer_key = outer.path("id").display(),
        user = user(),
    );
    std::fs::write(sshd.path("client"), text).unwrap();
    let values = json!({
        "hostname": "web", "ssh_config_file": "client", "max_wait_until_ready": 0,
        "max_wait_until_authenticated": 0,
    });
    let ssh = Ssh::default();
    let connection = connect(&ssh, values.clone(), sshd.directory.path())
        .await
        .unwrap();
    let port = answer(connection.as_ref(), "echo $SSH_CONNECTION | cut -d' ' -f4").await;
    assert_eq!(port, sshd.port.to_string());
    let error = connect(
        &ssh,
        json!({"hostname": "127.0.0.1", "port": 1, "ssh_config_file": "client",
        "proxy_jump": "inner", "max_wait_until_ready": 0}),
        sshd.directory.path(),
    )
    .await
    .err()
    .unwrap();
    assert!(
        error.message.contains("reach 127.0.0.1:1 through"),
        "{error}"
    );
}

#[tokio::test]
async fn through_a_command() {
    let Some(sshd) = Sshd::start() else { return };
    let relay = "import socket,sys,os,threading\n\
        s=socket.create_connection((sys.argv[1],int(sys.argv[2])))\n\
        def up():\n while True:\n  b=os.read(0,65536)\n  if not b: break\n  s.sendall(b)\n\
        threading.Thread(target=up,daemon=True).start()\n\
        while True:\n b=s.recv(65536)\n if not b: break\n os.write(1,b)\n";
    std::fs::write(sshd.path("relay.py"), relay).unwrap();
    let command = format!("python3 {} %h %p", sshd.path("relay.py").display());
    let connection = sshd
        .connect(json!({"ssh_proxy_command": command}))
        .await
        .unwrap();
    assert_eq!(answer(connection.as_ref(), "echo here").await, "here");
    let broken = json!({"ssh_proxy_command": "exit 3"});
    let error = sshd.connect(broken).await.err().unwrap();
    assert!(error.message.contains("shake hands"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn through_an_http_proxy() {
    let Some(sshd) = Sshd::start() else { return };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (mut head, mut line) = (String::new(), String::new());
            let mut reader = BufReader::with_capacity(1, &mut client);
            while reader.read_line(&mut line).await.unwrap() > 2 {
                head.push_str(&std::mem::take(&mut line));
            }
            // me:pass
            if !head.contains("Proxy-Authorization: Basic bWU6cGFzcw==") {
                client
                    .write_all(b"HTTP/1.1 407 Who are you\r\n\r\n")
                    .await
                    .unwrap();
                continue;
            }
            client
                .write_all(b"HTTP/1.1 200 Go on\r\nX: y\r\n\r\n")
                .await
                .unwrap();
            let address = head.split(' ').nth(1).unwrap().to_owned();
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(address).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    let mut over = json!({
        "ssh_http_proxy": "127.0.0.1", "ssh_http_proxy_port": port, "ssh_http_proxy_user": "me",
        "ssh_http_proxy_password": "pass",
    });
    let connection = sshd.connect(over.clone()).await.unwrap();
    assert_eq!(answer(connection.as_ref(), "echo here").await, "here");
    over["ssh_http_proxy_password"] = "wrong".into();
    let error = sshd.connect(over).await.err().unwrap();
    assert!(error.message.contains("407 Who are you"), "{error}");
    proxy.abort();
}

#[tokio::test]
async fn login_goes_through_the_gateway() {
    let Some(gateway) = Sshd::start() else { return };
    let Some(sshd) = Sshd::start() else { return };
    sshd.trust(&gateway);
    let values = sshd.settings_with(json!({
        "ssh_gateway": "127.0.0.1", "ssh_gateway_port": gateway.port,
        "ssh_gateway_username": user(), "ssh_key": gateway.path("id"),
    }));
    let cx = context(values, sshd.directory.path());
    let mut login = Ssh::default()
        .login(&cx, &State::in_memory())
        .await
        .unwrap()
        .0;
    let out = login
        .arg("echo $SSH_CONNECTION | cut -d' ' -f4")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&out.stdout).trim(),
        sshd.port.to_string()
    );
}
