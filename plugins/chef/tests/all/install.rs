//! The installation of the client, by scripts and packages that a server on the loopback gives.
#![cfg(unix)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::bench::{Bench, python, stand_in};
use banquet_sdk::Result;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers requests for these paths, counting them; all else is not found.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    async fn with(files: &[(&str, String)]) -> Self {
        let files: HashMap<String, String> = files
            .iter()
            .map(|(path, text)| (path.to_string(), text.clone()))
            .collect();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let noted = asked.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..read]).into_owned();
                let path = request
                    .split([' ', '?'])
                    .nth(1)
                    .unwrap_or_default()
                    .to_owned();
                let (status, body) = match files.get(&path) {
                    Some(body) => ("200 OK", body.as_str()),
                    None => ("404 Not Found", ""),
                };
                noted.lock().unwrap().push(path);
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self {
            url,
            asked,
            serving,
        }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// A script that installs the stand-in where `bench` wants it, and says its arguments.
fn script(bench: &Bench) -> String {
    let root = bench.path("new");
    format!(
        "echo installing with \"$*\"\nmkdir -p '{root}/bin'\ncp '{}' '{root}/bin/chef-client'\n\
         cp '{0}' '{root}/bin/cinc-client'\necho chef 18.4.12 > '{root}/version-manifest.txt'\n",
        stand_in().display()
    )
}

async fn converge(bench: &Bench, name: &str, more: Value) -> Result<()> {
    let mut values = json!({"install_strategy": "once", "chef_omnibus_root": bench.path("new")});
    for (key, value) in more.as_object().unwrap() {
        values[key] = value.clone();
    }
    bench.converge(name, values).await.map(drop)
}

#[tokio::test]
async fn a_script_installs_once_or_always_or_a_version() {
    if !python() {
        return;
    }
    let bench = Bench::new();
    let server = Server::with(&[("/install.sh", script(&bench))]).await;
    let url = format!("{}/install.sh", server.url);
    let more = |extra: Value| {
        let mut values = json!({ "chef_omnibus_url": url });
        values
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        values
    };
    converge(&bench, "chef_zero", more(json!({})))
        .await
        .unwrap();
    assert_eq!(server.asked(), 1);
    converge(&bench, "chef_zero", more(json!({})))
        .await
        .unwrap();
    assert_eq!(server.asked(), 1, "it is there");
    for version in ["18", "18.4.12"] {
        let values = more(json!({ "require_chef_omnibus": version }));
        converge(&bench, "chef_zero", values).await.unwrap();
        assert_eq!(server.asked(), 1, "{version} is there");
    }
    let values = more(json!({"require_chef_omnibus": 17}));
    converge(&bench, "chef_zero", values).await.unwrap();
    assert_eq!(server.asked(), 2, "17 is not");
    assert!(
        bench.said().contains("installing with -v 17\n"),
        "{}",
        bench.said()
    );
    let values = more(json!({
        "install_strategy": "always", "product_name": "cinc", "product_version": "18.4",
        "chef_omnibus_install_options": "-d /var/cache"
    }));
    converge(&bench, "chef_infra", values).await.unwrap();
    assert_eq!(server.asked(), 3);
    let said = bench.said();
    assert!(
        said.contains("installing with -v 18.4 -P cinc -c stable -d /var/cache\n"),
        "{said}"
    );
}

#[tokio::test]
async fn a_script_that_is_not_there_is_named() {
    let bench = Bench::new();
    let server = Server::with(&[]).await;
    let url = format!("{}/install.sh?license_id=private", server.url);
    let error = converge(&bench, "chef_infra", json!({ "install_sh_url": url }))
        .await
        .unwrap_err();
    assert_eq!(error.exit_code, Some(40));
    assert!(
        error.message.starts_with("install chef: exit code 40"),
        "{}",
        error.message
    );
    let wanted = format!("download of {}/install.sh failed", server.url);
    assert!(error.message.contains(&wanted), "{}", error.message);
    assert!(!bench.said().contains("private"), "a licence is a secret");
}

#[tokio::test]
async fn a_package_must_have_its_checksum() {
    if !python() {
        return;
    }
    let bench = Bench::new();
    let server = Server::with(&[
        ("/chef-18.sh", script(&bench)),
        ("/chef-18.zip", "x".into()),
    ])
    .await;
    let package = |name: &str, checksum: &str| json!({"download_url": format!("{}/{name}?x=y", server.url), "checksum": checksum});
    let wrong = converge(&bench, "chef_infra", package("chef-18.sh", "00")).await;
    let message = wrong.unwrap_err().message;
    assert!(
        message.contains("has the SHA-256 ") && message.contains(", not 00"),
        "{message}"
    );
    assert!(!bench.has("new/bin"), "nothing of it was run");
    let right = message.split("has the SHA-256 ").nth(1).unwrap();
    let right = right.split(',').next().unwrap().to_owned();
    converge(&bench, "chef_infra", package("chef-18.sh", &right))
        .await
        .unwrap();
    assert!(bench.has("new/bin/chef-client") && bench.has("made"));
    std::fs::remove_dir_all(bench.root().join("new")).unwrap();
    let other = converge(&bench, "chef_infra", package("chef-18.zip", "")).await;
    assert!(other.unwrap_err().message.contains("is no rpm, deb or sh"));
}

#[tokio::test]
async fn an_installation_that_fails_is_told_with_its_last_words() {
    let bench = Bench::new();
    bench.write("install.sh", "echo no space left\nexit 3\n");
    let url = format!("file://{}", bench.path("install.sh"));
    let error = converge(&bench, "chef_infra", json!({ "chef_omnibus_url": url }))
        .await
        .unwrap_err();
    assert_eq!(error.exit_code, Some(3));
    assert!(error.message.contains("no space left"), "{}", error.message);
}
