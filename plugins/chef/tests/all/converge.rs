//! Converges of the workstation, with the stand-in of the client.
#![cfg(unix)]

use crate::bench::{Bench, chef, python};
use banquet_sdk::conformance::{self, ProvisionerSubject};
use banquet_sdk::{Changes, ErrorKind, Provisioner, State};
use serde_json::json;

#[tokio::test]
async fn every_kind_holds_to_the_contract() {
    if !python() {
        return;
    }
    let bench = Bench::new()
        .file("apply/good.rb", "directory '/tmp'\n")
        .file("apply/bad.rb", "raise 'no'\n");
    let connection = bench.connection().await;
    for (name, good, bad) in [
        ("chef_infra", "recipe[app]", "recipe[app::none]"),
        ("chef_zero", "recipe[app]", "recipe[other]"),
        ("chef_solo", "recipe[app]", "role[none]"),
        ("chef_apply", "good", "bad"),
        ("dokken", "recipe[app]", "recipe[app::none]"),
    ] {
        let binary = bench.path("opt/bin/chef-client");
        let with = |list: &str| {
            let mut values = bench.with(json!({ "run_list": [list] }));
            if name == "dokken" {
                values["chef_binary"] = json!(binary);
            }
            values
        };
        conformance::provisioner(&ProvisionerSubject {
            provisioner: &chef(name),
            connection: &*connection,
            root: bench.root(),
            good: with(good),
            failing: with(bad),
            wrong: (json!({"attributes": ["a"]}), "/attributes"),
        })
        .await;
    }
}

#[tokio::test]
async fn the_first_converge_says_what_it_changed() {
    if !python() {
        return;
    }
    let bench = Bench::new();
    let converged = bench.converge("chef_infra", json!({})).await.unwrap();
    let made = format!("file[{}/made] action create", bench.path(""));
    assert_eq!(converged.changes, Changes::Some(vec![made]));
    assert!(bench.has("made"));
    assert!(bench.has("kitchen/nodes/web-here.json"));
    let again = bench.converge("chef_solo", json!({})).await.unwrap();
    assert_eq!(again.changes, Changes::None);
}

#[tokio::test]
async fn what_goes_here_goes_there() {
    if !python() {
        return;
    }
    let bench = Bench::new()
        .file("cookbooks/old name/metadata.rb", "name 'old'\n")
        .file("cookbooks/app/spec/x_spec.rb", "")
        .file("data_bags/bag/item.json", "{\"id\": \"item\"}")
        .file("test/integration/web/roles/r.json", "{\"name\": \"r\"}");
    bench.converge("chef_infra", json!({})).await.unwrap();
    for there in [
        "cookbooks/old name/metadata.rb",
        "data_bags/bag/item.json",
        "roles/r.json",
    ] {
        assert!(bench.has(&format!("kitchen/{there}")), "{there}");
    }
    assert!(
        !bench.has("kitchen/cookbooks/app/spec"),
        "no file of a cookbook"
    );
    std::fs::remove_dir_all(bench.root().join("cookbooks/old name")).unwrap();
    std::fs::remove_dir_all(bench.root().join("data_bags")).unwrap();
    bench.converge("chef_infra", json!({})).await.unwrap();
    for gone in ["cookbooks/old name", "data_bags"] {
        assert!(!bench.has(&format!("kitchen/{gone}")), "{gone}");
    }
    assert!(bench.has("kitchen/cookbooks/app/metadata.rb"));
    assert!(
        bench.has("kitchen/nodes/web-here.json"),
        "what the client made stays"
    );
}

#[tokio::test]
async fn a_project_that_is_a_cookbook_needs_no_directory_of_cookbooks() {
    if !python() {
        return;
    }
    let bench = Bench::new();
    std::fs::rename(
        bench.root().join("cookbooks/app/recipes"),
        bench.root().join("recipes"),
    )
    .unwrap();
    std::fs::remove_dir_all(bench.root().join("cookbooks")).unwrap();
    bench.write("metadata.rb", "name 'own'\n");
    let values = json!({"run_list": ["recipe[own]"]});
    bench.converge("chef_infra", values).await.unwrap();
    assert!(bench.has("kitchen/cookbooks/own/recipes/default.rb"));
    assert!(
        !bench.has("kitchen/cookbooks/own/opt"),
        "no file of a cookbook"
    );
}

#[tokio::test]
async fn an_enforced_idempotency_fails_the_second_converge_that_changes_something() {
    if !python() {
        return;
    }
    let bench = Bench::new();
    let twice = json!({"multiple_converge": 2, "enforce_idempotency": true});
    let converged = bench.converge("chef_infra", twice.clone()).await.unwrap();
    assert!(
        matches!(converged.changes, Changes::Some(_)),
        "the first of the two did"
    );
    // Two resources that undo each other.
    bench.write(
        "cookbooks/app/recipes/default.rb",
        "file \"#{node['dir']}/made\" do\n  content 'a'\nend\n\nfile \"#{node['dir']}/made\" do\n  content 'b'\nend\n",
    );
    let error = bench.converge("chef_infra", twice).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Action);
    assert!(
        error.message.contains("changed: file["),
        "{}",
        error.message
    );
    let once = json!({"enforce_idempotency": true, "chef_options": "-z", "chef_output_format": "null",
        "chef_binary": bench.path("opt/bin/chef-client")});
    let error = bench.converge("dokken", once).await.unwrap_err();
    assert!(
        error.message.contains("cannot be told"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_client_that_is_not_there_is_named_with_the_key_that_finds_it() {
    let bench = Bench::new();
    let nowhere = json!({"chef_client_path": "/no/such/client"});
    let error = bench.converge("chef_infra", nowhere).await.unwrap_err();
    assert_eq!(error.exit_code, Some(127));
    assert!(bench.said().contains("there is no /no/such/client"));
    assert!(
        error.hints[0].contains("`chef_client_path`"),
        "{:?}",
        error.hints
    );
}

#[tokio::test]
async fn what_the_configuration_names_must_be_there() {
    let bench = Bench::new();
    for (key, values) in [
        (
            "/policyfile_path",
            json!({"policyfile_path": "policies/app.rb"}),
        ),
        (
            "/berksfile_path",
            json!({"berksfile_path": "Berksfile.new"}),
        ),
        ("/cookbook_files_glob", json!({"cookbook_files_glob": "{a"})),
        ("/multiple_converge", json!({"multiple_converge": "often"})),
    ] {
        let error = bench.converge("chef_infra", values).await.unwrap_err();
        assert_eq!(error.key.as_deref(), Some(key));
    }
    bench.write("Policyfile.rb", "");
    let error = bench.converge("chef_solo", json!({})).await.unwrap_err();
    assert!(
        error.message.contains("knows no Policyfiles"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_directory_of_data_that_is_not_there_is_told() {
    if !python() {
        return;
    }
    let bench = Bench::new();
    let values = json!({"data_bags_path": "no/bags", "roles_path": null, "client_rb": null});
    bench.converge("chef_infra", values).await.unwrap();
    assert!(bench.said().contains("data_bags_path: there is no "));
}

#[test]
fn chefs_exit_codes_for_a_reboot_ask_for_another_converge() {
    let bench = Bench::new();
    let codes = |values| {
        let cx = bench.cx("web", None, values);
        chef("chef_zero").retry(&cx).unwrap().retry_on_exit_code.0
    };
    assert_eq!(codes(json!({})), [35, 213]);
    assert_eq!(codes(json!({"retry_on_exit_code": null})), [35, 213]);
    assert_eq!(codes(json!({"retry_on_exit_code": [1]})), [1]);
    assert_eq!(codes(json!({"retry_on_exit_code": []})), [0_i32; 0]);
}

#[tokio::test]
async fn members_that_converge_at_once_find_each_other_whole() {
    if !python() {
        return;
    }
    let bench = Bench::new().file(
        "cookbooks/app/recipes/find.rb",
        "other = search(:node, 'recipe:app').first\nraise 'alone' if other.nil?\n\
         file \"#{node['dir']}-seen\" do\n  content \"#{other['ipaddress']}\"\nend\n",
    );
    let all = ["a", "bb", "ccc", "dddd"];
    let chef = chef("chef_infra");
    let cx = |suite: &str, recipe: &str| {
        let more = json!({
            "root_path": bench.path(&format!("kitchen-{suite}")),
            "attributes": {"dir": bench.path(suite)},
            "run_list": [recipe], "log_level": "warn",
        });
        std::fs::create_dir_all(bench.root().join(suite)).unwrap();
        bench.cx(suite, Some(&all), bench.with(more))
    };
    let connection = bench.connection().await;
    for suite in all {
        let cx = cx(suite, "recipe[app]");
        chef.introduce(&cx, &mut State::in_memory()).await.unwrap();
    }
    for recipe in ["recipe[app]", "recipe[app::find]"] {
        let [a, b, c, d] = all.map(|suite| cx(suite, recipe));
        let converge = |cx: banquet_sdk::Context| {
            let connection = &*connection;
            async move {
                chef.converge(&cx, connection, &mut State::in_memory())
                    .await
            }
        };
        let (a, b, c, d) = tokio::join!(converge(a), converge(b), converge(c), converge(d));
        for converged in [a, b, c, d] {
            converged.unwrap();
        }
    }
    // What the run itself says of its address is that of the workstation.
    let seen = std::fs::read_to_string(bench.root().join("a-seen")).unwrap();
    assert!(
        seen.starts_with("192.0.2."),
        "the address at which peers reach it: {seen}"
    );
}
