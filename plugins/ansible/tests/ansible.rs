//! Both provisioners with a real Ansible; the workstation is the instance.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banquet_ansible::Ansible;
use banquet_exec::transport;
use banquet_sdk::conformance::{self, ProvisionerSubject, requires, settings};
use banquet_sdk::{
    Changes, Connection, Context, Converged, ErrorKind, Identity, Line, Output, Peer, Peers,
    Provisioner, Result, State, Target, Transport, async_trait,
};
use serde_json::{Value, json};

fn needs_ansible() -> bool {
    let found = match Command::new("ansible-playbook").arg("--version").output() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("ansible-playbook: {error}")),
    };
    requires("ansible", found)
}

/// A project directory, and what was printed.
struct Bench {
    directory: tempfile::TempDir,
    lines: Arc<Lines>,
}

#[derive(Default)]
struct Lines(Mutex<String>);

#[async_trait]
impl Output for Lines {
    async fn line(&self, line: Line) {
        let mut text = self.0.lock().unwrap();
        text.push_str(&line.text);
        text.push('\n');
    }
}

impl Bench {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            lines: Arc::default(),
        }
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    fn path(&self, name: &str) -> String {
        self.root().join(name).display().to_string()
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.replace("ROOT", &self.path(""))).unwrap();
        self
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.root().join(name)).unwrap()
    }

    fn with(&self, mut values: Value) -> Value {
        values["sudo"] = json!(false);
        values["root_path"] = json!(self.path("kitchen"));
        values
    }

    fn cx(&self, values: Value) -> Context {
        let identity = Identity {
            project: "project".into(),
            cluster: Some("app-here".into()),
            instance: "web-here".into(),
            suite: "web".into(),
            platform: "here".into(),
            run: "run".into(),
        };
        let mut cx = Context::for_tests(identity, self.root().into(), settings(self.with(values)));
        let peer = |suite: &str, address: &str, role: &str| Peer {
            suite: suite.into(),
            instance: format!("{suite}-here"),
            address: Some(address.into()),
            roles: vec![role.into()],
            ..Peer::default()
        };
        let peers = vec![
            peer("db", "10.0.0.2", "store"),
            peer("web", "10.0.0.3", "front"),
        ];
        cx.peers = Arc::new(Peers(peers));
        cx.targets = Arc::new(BTreeMap::from([("web".to_string(), Target::Local)]));
        cx.output = self.lines.clone();
        cx
    }

    async fn connection(&self) -> Box<dyn Connection> {
        let cx = self.cx(json!({}));
        transport::Exec
            .connect(&cx, &State::in_memory())
            .await
            .unwrap()
    }

    async fn converge(&self, plugin: Ansible, values: Value) -> Result<Converged> {
        let connection = self.connection().await;
        let mut state = State::in_memory();
        plugin
            .converge(&self.cx(values), connection.as_ref(), &mut state)
            .await
    }

    fn printed(&self) -> String {
        self.lines.0.lock().unwrap().clone()
    }
}

const FILE: &str = "
- hosts: all
  gather_facts: false
  tasks:
  - name: a file
    copy: {content: x, dest: ROOT/made}
";

#[tokio::test]
async fn both_conform() {
    if !needs_ansible() {
        return;
    }
    for plugin in [Ansible::playbook(), Ansible::push()] {
        let bench = Bench::new()
            .file("ok.yml", FILE)
            .file(
                "bad.yml",
                "- hosts: all\n  gather_facts: false\n  tasks: [{fail: {msg: no}}]\n",
            )
            .file("hosts", "localhost ansible_connection=local\n");
        let with = |name: &str| {
            let play =
                json!({"playbook": name, "ansible_inventory": "hosts", "limit": "localhost"});
            bench.with(play)
        };
        conformance::provisioner(&ProvisionerSubject {
            provisioner: &plugin,
            connection: bench.connection().await.as_ref(),
            root: bench.root(),
            good: with("ok.yml"),
            failing: with("bad.yml"),
            wrong: (
                json!({"galaxy_ignore_certs": "often"}),
                "/galaxy_ignore_certs",
            ),
        })
        .await;
    }
}

#[tokio::test]
async fn peers_groups_and_variables_are_known_on_both_sides() {
    if !needs_ansible() {
        return;
    }
    let bench = Bench::new().file(
        "site.yml",
        "
- hosts: web:&front:&servers
  gather_facts: false
  tasks:
  - copy:
      content: '{{ kitchen_peers.db.address }} {{ hostvars[groups.store[0]].ansible_host }} {{ color }}'
      dest: ROOT/made
",
    );
    let values = json!({
        "playbook": "site.yml", "hosts": "servers", "extra_vars": {"color": "dark 'red\""}
    });
    let named = Changes::Some(vec!["copy".into()]);
    for plugin in [Ansible::playbook(), Ansible::push()] {
        let converged = bench.converge(plugin, values.clone()).await.unwrap();
        assert_eq!(converged.changes, named);
        assert_eq!(bench.read("made"), "10.0.0.2 10.0.0.2 dark 'red\"");
        std::fs::remove_file(bench.root().join("made")).unwrap();
    }
    assert!(bench.printed().contains("changed: copy"));
    let left = bench.root().join("kitchen/kitchen-variables.json");
    assert!(!left.exists(), "variables may be secrets");
}

#[tokio::test]
async fn every_fact_of_a_member_is_in_the_variable_and_in_the_inventory() {
    if !needs_ansible() {
        return;
    }
    let bench = Bench::new().file(
        "site.yml",
        "
- hosts: web
  gather_facts: false
  tasks:
  - copy:
      content: '{{ kitchen_peers | to_json }}'
      dest: ROOT/peers
  - copy:
      content: '{{ hostvars[groups.db[0]] | to_json }}'
      dest: ROOT/host
",
    );
    let members = conformance::members();
    let mut cx = bench.cx(json!({"playbook": "site.yml"}));
    cx.peers = Arc::new(members.clone());
    let connection = bench.connection().await;
    for plugin in [Ansible::playbook(), Ansible::push()] {
        let mut state = State::in_memory();
        plugin
            .converge(&cx, connection.as_ref(), &mut state)
            .await
            .unwrap();
        let peers: Value = serde_json::from_str(&bench.read("peers")).unwrap();
        assert_eq!(peers, Value::Object(members.by_suite()));
        let host: Value = serde_json::from_str(&bench.read("host")).unwrap();
        let facts = json!(members.0[0]);
        for (fact, value) in facts.as_object().unwrap() {
            assert_eq!(&host[format!("kitchen_{fact}")], value, "{fact}");
        }
        for name in ["peers", "host"] {
            std::fs::remove_file(bench.root().join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_syntax_error_is_told_in_ansibles_words() {
    if !needs_ansible() {
        return;
    }
    let bench = Bench::new().file(
        "site.yml",
        "- hosts: all\n  tasks:\n  - copy: {a: b\n    x\n",
    );
    for plugin in [Ansible::playbook(), Ansible::push()] {
        let values = json!({"playbook": "site.yml"});
        let error = bench.converge(plugin, values).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Action);
        assert!(error.exit_code.is_some_and(|code| code != 0));
        assert!(
            error
                .message
                .starts_with("ansible-playbook site.yml: exit code ")
        );
        // Ansible 2.14, and 2.19.
        let place = ["site.yml': line ", "site.yml:5:"];
        assert!(place.iter().any(|it| error.message.contains(it)), "{error}");
    }
}

#[tokio::test]
async fn a_project_that_is_a_role_and_its_requirements_are_found() {
    if !needs_ansible() {
        return;
    }
    let bench = Bench::new()
        .file(
            "own/tasks/main.yml",
            "- copy: {content: own, dest: ROOT/own.made}\n",
        )
        .file("own/ignored.pyc", "")
        .file(
            "other/tasks/main.yml",
            "- copy: {content: other, dest: ROOT/other.made}\n",
        )
        .file(
            "other/meta/main.yml",
            "galaxy_info: {author: a}\ndependencies: []\n",
        )
        .file(
            "requirements.yml",
            "- {src: ROOT/other.tar.gz, name: other}\n",
        )
        .file(
            "site.yml",
            "- {hosts: all, gather_facts: false, roles: [renamed, other]}\n",
        );
    let packed = Command::new("tar")
        .args([
            "-C",
            &bench.path(""),
            "-czf",
            &bench.path("other.tar.gz"),
            "other",
        ])
        .status();
    assert!(packed.unwrap().success());
    let values = json!({
        "playbook": "site.yml", "roles_path": "own", "role_name": "renamed",
        "requirements_path": "requirements.yml",
    });
    for plugin in [Ansible::playbook(), Ansible::push()] {
        bench.converge(plugin, values.clone()).await.unwrap();
        for name in ["own.made", "other.made"] {
            std::fs::remove_file(bench.root().join(name)).expect(name);
        }
    }
    assert!(bench.root().join("kitchen/roles/renamed/tasks").is_dir());
    assert!(
        !bench
            .root()
            .join("kitchen/roles/renamed/ignored.pyc")
            .exists()
    );
}

#[tokio::test]
async fn a_vault_is_opened_and_its_password_does_not_stay() {
    if !needs_ansible() {
        return;
    }
    let bench = Bench::new()
        .file("ansible-vault-password", "hush")
        .file("secret.yml", "color: crimson\n")
        .file(
            "site.yml",
            &FILE.replace("content: x", "content: '{{ color }}'"),
        );
    let encrypted = Command::new("ansible-vault")
        .args([
            "encrypt",
            "--vault-password-file",
            &bench.path("ansible-vault-password"),
        ])
        .arg(bench.path("secret.yml"))
        .output();
    assert!(encrypted.unwrap().status.success());
    assert!(bench.read("secret.yml").starts_with("$ANSIBLE_VAULT"));
    for plugin in [Ansible::playbook(), Ansible::push()] {
        let values = json!({"playbook": "site.yml", "extra_vars_file": "secret.yml"});
        bench.converge(plugin, values).await.unwrap();
        assert_eq!(bench.read("made"), "crimson");
        std::fs::remove_file(bench.root().join("made")).unwrap();
    }
    let left = std::fs::read_dir(bench.root().join("kitchen")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter()
            .all(|name| !name.to_string_lossy().starts_with("vault")),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_second_run_that_changes_something_fails_where_it_is_asked_for() {
    if !needs_ansible() {
        return;
    }
    let bench = Bench::new().file(
        "site.yml",
        "- hosts: all\n  gather_facts: false\n  tasks: [{name: again, command: 'true'}]\n",
    );
    let mut values = json!({"playbook": "site.yml", "idempotency_test": true});
    let error = bench
        .converge(Ansible::playbook(), values.clone())
        .await
        .unwrap_err();
    assert_eq!(
        error.message,
        "idempotency_test: the second run changed: again"
    );
    values["fail_non_idempotent"] = json!(false);
    bench.converge(Ansible::push(), values).await.unwrap();
}

#[tokio::test]
async fn a_play_that_is_given_up_ends() {
    if !needs_ansible() {
        return;
    }
    let bench = Bench::new().file(
        "site.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n  - shell: echo $$ > ROOT/pid.new; \
         mv ROOT/pid.new ROOT/pid; sleep 600\n",
    );
    let work = bench.converge(Ansible::push(), json!({"playbook": "site.yml"}));
    let begun = async {
        while !bench.root().join("pid").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        ended = work => panic!("it lasts, yet {ended:?}\n{}", bench.printed()),
        () = begun => {}
        () = tokio::time::sleep(Duration::from_secs(120)) => panic!("never began: {}", bench.printed()),
    }
    let pid = bench.read("pid").trim().to_owned();
    let gone = async {
        while Path::new("/proc").join(&pid).exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, gone)
        .await
        .expect("the task ended");
}

#[tokio::test]
async fn a_missing_program_is_named_with_where_it_was_sought() {
    let bench = Bench::new().file("site.yml", FILE);
    let values = json!({
        "playbook": "site.yml", "ansible_binary_path": "/no/such/place", "require_ansible_repo": false
    });
    for (plugin, message) in [
        (
            Ansible::playbook(),
            "find ansible-playbook: there is none in /no/such/place (`ansible_binary_path`)",
        ),
        (
            Ansible::push(),
            "find /no/such/place/ansible-playbook on the workstation",
        ),
    ] {
        let error = bench.converge(plugin, values.clone()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Machine);
        assert_eq!(error.message, message);
        assert_eq!(error.hints.len(), 1);
    }
    let faults = Ansible::push()
        .doctor(&bench.cx(values.clone()))
        .await
        .unwrap();
    assert!(
        faults[0]
            .message
            .contains("/no/such/place/ansible-playbook")
    );
    assert!(
        Ansible::playbook()
            .doctor(&bench.cx(values))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_playbook_that_is_not_there_is_the_configurations_error() {
    let bench = Bench::new();
    for (values, message) in [
        (json!({}), "no playbook is set and there is no default.yml"),
        (
            json!({"playbook": "gone.yml"}),
            "gone.yml: no such file or directory",
        ),
    ] {
        let plugin = Ansible::playbook();
        let error = bench.converge(plugin, values).await.unwrap_err();
        assert_eq!(error.key.as_deref(), Some("/playbook"));
        assert!(error.message.ends_with(message), "{error}");
    }
}
