//! The provisioner with a real Puppet, in containers.

mod machine;

use banquet_puppet::Puppet;
use banquet_sdk::conformance::{self, ProvisionerSubject};
use banquet_sdk::{Changes, ErrorKind, Provisioner};
use machine::Machine;
use serde_json::{Value, json};

/// With the distribution's own Puppet, which the image has.
fn own(mut values: Value) -> Value {
    values["require_puppet_collections"] = json!(false);
    values["require_puppet_repo"] = json!(false);
    values
}

const METADATA: &str = r#"{"name": "me-own", "version": "1.0.0", "author": "me", "license": "none",
    "summary": "own", "source": "none", "dependencies": []}"#;

#[tokio::test]
async fn it_conforms() {
    let Some(machine) = Machine::of("puppet").await else {
        return;
    };
    let machine = machine
        .file("manifests/good.pp", "file { '/srv/made': content => 'x' }")
        .file("manifests/bad.pp", "fail('no')");
    conformance::provisioner(&ProvisionerSubject {
        provisioner: &Puppet,
        connection: machine.connection().await.as_ref(),
        root: machine.root(),
        good: own(json!({"manifest": "good.pp"})),
        failing: own(json!({"manifest": "bad.pp"})),
        wrong: (json!({"puppet_noop": "often"}), "/puppet_noop"),
    })
    .await;
}

#[tokio::test]
async fn modules_hiera_and_facts_of_all_kinds_arrive() {
    let Some(machine) = Machine::of("puppet").await else {
        return;
    };
    let machine = machine
        .file("metadata.json", METADATA)
        .file("manifests/init.pp", "class own { $said = 'own' }")
        .file(
            "site/modules/other/manifests/init.pp",
            "class other { $said = 'other' }",
        )
        .file(
            "site/modules/own/manifests/init.pp",
            "class own { $said = 'not this one' }",
        )
        .file(
            "hiera.yaml",
            "version: 5\nhierarchy:\n- {name: c, path: common.yaml, datadir: /var/lib/hiera}\n",
        )
        .file("hiera/common.yaml", "color: red\n")
        .file(
            "site/site.pp",
            "include own\ninclude other\n\
             $address = $facts['kitchen_peers']['db']['address']\n\
             $all = [$own::said, $other::said, lookup('color'), lookup('size'), $address, \
             $facts['shape'], $facts['deep']['er'], $facts['kitchen_suite']]\n\
             file { '/srv/made': content => join($all, ' ') }",
        );
    let values = own(json!({
        "manifests_path": "site", "manifest": "site.pp", "modules_path": "site/modules",
        "custom_facts": {"shape": "round one", "deep": {"er": 5}},
        "hiera_writer_files": [{"common.yaml": {"color": "blue", "size": "big"}}],
    }));
    let converged = machine.converge(&Puppet, values.clone()).await.unwrap();
    let Changes::Some(events) = converged.changes else {
        panic!("{converged:?}")
    };
    assert!(
        events[0].starts_with("/Stage[main]/Main/File[/srv/made]/ensure: "),
        "{events:?}"
    );
    let made = machine.prints("cat /srv/made").await;
    assert_eq!(made, "own other blue big 10.0.0.2 round one 5 web\n");
    let again = machine.converge(&Puppet, values).await.unwrap();
    assert_eq!(again.changes, Changes::None);
}

#[tokio::test]
async fn failures_are_told_in_puppets_words() {
    let Some(machine) = Machine::of("puppet").await else {
        return;
    };
    let machine = machine
        .file("manifests/syntax.pp", "file { '/srv/made'")
        .file(
            "manifests/resource.pp",
            "exec { '/bin/false': }\nfile { '/srv/made': content => 'x' }",
        );
    let values = |name: &str| own(json!({"manifest": name}));
    let error = machine
        .converge(&Puppet, values("syntax.pp"))
        .await
        .unwrap_err();
    assert_eq!((error.kind, error.exit_code), (ErrorKind::Action, Some(1)));
    assert!(
        error
            .message
            .contains("Error: Could not parse for environment"),
        "{error}"
    );
    let error = machine
        .converge(&Puppet, values("resource.pp"))
        .await
        .unwrap_err();
    assert_eq!((error.kind, error.exit_code), (ErrorKind::Action, Some(6)));
    assert!(
        error.message.contains("Error: '/bin/false' returned 1"),
        "{error}"
    );
    let mut loose = values("resource.pp");
    loose["puppet_detailed_exitcodes"] = json!(false);
    machine.converge(&Puppet, loose).await.unwrap();
}

#[tokio::test]
async fn an_environment_is_made_and_commands_run_around() {
    let Some(machine) = Machine::of("puppet").await else {
        return;
    };
    let machine = machine
        .file(
            "manifests/site.pp",
            "file { '/srv/made': content => $environment }",
        )
        .file("environment.conf", "modulepath = modules\n");
    let values = own(json!({
        "puppet_environment": "testing",
        "custom_pre_apply_command": "echo before > /tmp/around",
        "custom_post_apply_command": "echo after >> /tmp/around",
    }));
    machine.converge(&Puppet, values).await.unwrap();
    let printed = machine.prints("cat /srv/made; echo; cat /tmp/around").await;
    assert_eq!(printed, "testing\nbefore\nafter\n");
}

#[tokio::test]
async fn a_missing_puppet_or_manifest_is_told() {
    let Some(machine) = Machine::of("puppet").await else {
        return;
    };
    let error = machine.converge(&Puppet, own(json!({}))).await.unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/manifests_path"));
    let machine = machine.file("manifests/site.pp", "");
    let error = machine
        .converge(&Puppet, own(json!({"manifest": "gone.pp"})))
        .await
        .unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/manifest"));
    let values = own(json!({"puppet_binary": "no-such-puppet"}));
    let error = machine.converge(&Puppet, values).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Machine);
    let start = "find Puppet: there is no no-such-puppet on the instance's PATH (/";
    assert!(error.message.starts_with(start), "{error}");
    for key in ["puppet_noop", "puppet_apply_command"] {
        let value = if key == "puppet_noop" {
            json!(true)
        } else {
            json!("true")
        };
        let error = Puppet
            .tells_changes(&machine.cx(json!({key: value})))
            .unwrap_err();
        assert_eq!(error.key, Some(format!("/{key}")));
    }
}

/// Both programs of the workstation download a module from a repository.
#[tokio::test]
async fn modules_of_a_puppetfile_are_downloaded() {
    let here = |program: &str| match banquet_sdk::tool::on_path(program) {
        Some(_) => Ok(()),
        None => Err(format!("no {program} on the PATH")),
    };
    if !["git", "r10k", "librarian-puppet"]
        .iter()
        .all(|program| conformance::requires(program, here(program)))
    {
        return;
    }
    let Some(machine) = Machine::of("puppet").await else {
        return;
    };
    let repository = machine.root().join("far");
    let puppetfile = format!("mod 'far', :git => 'file://{}'\n", repository.display());
    let machine = machine
        .file("far/manifests/init.pp", "class far { $said = 'far away' }")
        .file("far/metadata.json", &METADATA.replace("me-own", "me-far"))
        .file("Puppetfile", &puppetfile)
        .file(
            "manifests/site.pp",
            "include far\nfile { \"/srv/${facts['by']}\": content => $far::said }",
        );
    let script = "git init -q -b main . && git add . && \
                  git -c user.name=me -c user.email=me@example.com commit -qm one && \
                  git branch -q master";
    let made = std::process::Command::new("sh")
        .args(["-c", script])
        .current_dir(&repository)
        .status();
    assert!(made.unwrap().success());
    for program in ["librarian", "r10k"] {
        let values = own(json!({
            "resolve_with_librarian_puppet": program == "librarian",
            "resolve_with_r10k": program == "r10k",
            "custom_facts": {"by": program},
        }));
        machine.converge(&Puppet, values).await.unwrap();
        let made = machine.prints(&format!("cat /srv/{program}")).await;
        assert_eq!(made, "far away\n");
    }
    machine.write("Puppetfile", "mod 'far', :git => 'file:///no/such/place'\n");
    let values = own(json!({"resolve_with_librarian_puppet": false, "resolve_with_r10k": true}));
    let error = machine.converge(&Puppet, values).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Action);
    assert!(error.message.starts_with("r10k of "), "{error}");
}
