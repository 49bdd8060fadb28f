use super::*;
use crate::matrix::{Matrix, NoPlugins};

fn matrix() -> Matrix {
    let text = "platforms: [{name: host}]\nsuites: [{name: db, roles: [store]}, {name: web-1, roles: [store, web]}, {name: gone, roles: [old]}]\n\
                multisuites: [{name: app, steps: [converge db, converge web-1, converge gone]}]\n";
    let config = crate::matrix::tests::load(text).expect("a configuration");
    Matrix::build(&config, &NoPlugins).expect("a matrix")
}

fn expressions() -> Expressions {
    let matrix = matrix();
    let cluster = &matrix.clusters[0];
    let peer = |suite: &str, address: Option<&str>, roles: &[&str]| Peer {
        suite: suite.into(),
        instance: format!("{suite}-host"),
        address: address.map(str::to_owned),
        hostname: Some(format!("{suite}.test")),
        roles: roles.iter().map(|it| (*it).to_owned()).collect(),
        ..Peer::default()
    };
    let peers = Peers(vec![
        peer("db", Some("10.0.0.2"), &["store"]),
        peer("web-1", None, &["store", "web"]),
    ]);
    let own = cluster
        .member("web-1")
        .map(|it| (it, Own::of(it, peers.0[1].clone())));
    let names = Names::of(Some(cluster), own.as_ref().map(|(it, _)| &***it), false);
    let own = own.map(|(_, own)| own);
    Expressions::new(names, Some(cluster.clone()), Arc::new(peers), own)
}

#[track_caller]
fn is(text: &str, expected: &str) {
    assert_eq!(
        expressions().text(text, None).as_deref(),
        Ok(expected),
        "{text}"
    );
}

#[track_caller]
fn fails(text: &str) -> (String, String) {
    let failure = expressions().text(text, None).expect_err(text);
    let hints = failure.hints.join(" ");
    assert!(
        !failure.message.contains("strict mode"),
        "{}",
        failure.message
    );
    (failure.message, hints)
}

#[test]
fn facts_of_members_cluster_and_instance_have_their_values() {
    is(
        "{{peers.db.address}} {{ peers.web-1.hostname }}",
        "10.0.0.2 web-1.test",
    );
    is(
        "{{cluster.name}} {{cluster.platform}} {{cluster.multisuite}}",
        "app-host host app",
    );
    is(
        "{{instance.instance}} {{suite.name}} {{platform.name}}",
        "web-1-host web-1 host",
    );
    is("{{peers.web-1.roles}}", "store,web");
    is("{{peers.role.store.[0].address}}", "10.0.0.2");
}

#[test]
fn members_are_listed_by_role() {
    is(
        "{{#each peers.role.store}}server {{this.suite}} {{hostname}};{{/each}}",
        "server db db.test;server web-1 web-1.test;",
    );
    is("{{#each peers.role.old}}x{{else}}none{{/each}}", "none");
    let nested = "{{#each peers.role.web as |web|}}{{web.suite}}>{{peers.db.address}}{{#unless @last}},{{/unless}}{{/each}}";
    is(nested, "web-1>10.0.0.2");
    is("{{#each peers.role.web}}{{roles}}{{/each}}", "store,web");
}

#[test]
fn blocks_ask_who_lives() {
    is("{{#if peers.gone}}on{{else}}off{{/if}}", "off");
    is("{{#if peers.db}}{{peers.db.address}}{{/if}}", "10.0.0.2");
    is(
        "{{#with peers.db}}{{address}} {{cluster.name}}{{/with}}",
        "10.0.0.2 app-host",
    );
    is("{{#if (eq cluster.platform \"host\")}}yes{{/if}}", "yes");
}

#[test]
fn braces_of_others_stand_beside_ours() {
    is(
        "{{ ansible_facts['a'] }} {{peers.db.address}} {{.State.Status}} \\{{peers.db.address}} \\\\{{peers.db.suite}} {\"a\":{{peers.db.suite}}}",
        "{{ ansible_facts['a'] }} 10.0.0.2 {{.State.Status}} {{peers.db.address}} \\db {\"a\":db}",
    );
    is(
        "\\n \\{{ other }} {{{peers.db.suite}}}",
        "\\n \\{{ other }} db",
    );
}

#[test]
fn a_dead_member_is_told_with_the_living() {
    let (message, hints) = fails("x {{peers.gone.address}}");
    assert_eq!(message, "`{{peers.gone.address}}`: `gone` is not alive");
    assert_eq!(hints, "The living members are db, web-1.");
}

#[test]
fn a_fact_without_a_value_is_an_error() {
    let (message, _) = fails("{{peers.web-1.address}}");
    assert_eq!(message, "`{{peers.web-1.address}}`: `web-1` has no address");
    let (message, _) = fails("{{instance.address}}");
    assert_eq!(
        message,
        "`{{instance.address}}`: the instance has no address"
    );
    let (message, _) = fails("{{#each peers.role.store}}{{this.address}}{{/each}}");
    assert_eq!(message, "`{{this.address}}`: it has no value now");
}

#[test]
fn an_unknown_name_tells_the_place_and_the_nearest() {
    let at = Origin {
        file: Arc::new("kitchen.yml".into()),
        line: 7,
        column: 3,
    };
    let failure = expressions()
        .text("{{peers.dv.address}}", Some(&at))
        .expect_err("an unknown member");
    assert_eq!(
        failure.message,
        "kitchen.yml:7:3: `{{peers.dv.address}}`: the cluster has no member `dv`"
    );
    assert_eq!(
        failure.hints,
        ["Did you mean `db`? The members are db, web-1, gone."]
    );
}

#[test]
fn every_string_of_a_section_is_rendered() {
    let mut section = Section::default();
    let value = json!({"b": ["{{peers.db.address}}", 1, "{{ item }}"]});
    section.values.insert("a".into(), value);
    let rendered = expressions()
        .section(&Arc::new(section))
        .expect("all names are known");
    let expected = json!({"b": ["10.0.0.2", 1, "{{ item }}"]});
    assert_eq!(rendered.values["a"], expected);
}
