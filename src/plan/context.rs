//! What plugins are told of an instance, before anything runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use banquet_sdk::{Context, Discard, Environment, Identity, Platform, Plugins, Section};
use tokio_util::sync::CancellationToken;

use crate::matrix::Instance;
use crate::state::Project;

/// A context with the given settings, without peers, limits or output. The variables are those of
/// Test Kitchen's hooks (lib/kitchen/lifecycle_hook/local.rb).
pub fn context(
    project: &Project,
    instance: &Instance,
    section: Arc<Section>,
    run: &str,
) -> Context {
    let environment = [
        ("KITCHEN_INSTANCE_NAME", &instance.name),
        ("KITCHEN_SUITE_NAME", &instance.suite),
        ("KITCHEN_PLATFORM_NAME", &instance.platform),
    ];
    let identity = Identity {
        project: project.id.clone(),
        cluster: instance.cluster.clone(),
        instance: instance.name.clone(),
        suite: instance.suite.clone(),
        platform: instance.platform.clone(),
        run: run.into(),
    };
    Context {
        plugins: Plugins {
            driver: instance.driver.name.clone(),
            transport: instance.transport.name.clone(),
            provisioner: instance.provisioner.name.clone(),
            verifier: instance.verifier.name.clone(),
        },
        platform: instance.platform_type.clone(),
        provisioner: instance.provisioner.section.clone(),
        environment: BTreeMap::from(environment.map(|(key, value)| (key.into(), value.clone())))
            .into(),
        ..context_of(project, identity, section)
    }
}

/// A context for what `identity` names, of which the configuration need not know.
pub fn context_of(project: &Project, identity: Identity, section: Arc<Section>) -> Context {
    Context {
        tests_name: identity.suite.clone(),
        tests_names: vec![identity.suite.clone()],
        identity,
        plugins: Plugins::default(),
        platform: Platform::default(),
        section,
        after_crash: false,
        provisioner: Arc::default(),
        peers: Arc::default(),
        root: project.root.clone(),
        kitchen_dir: project.kitchen(),
        test_dir: project.test_dir.clone(),
        environment: Environment::default(),
        local_prefix: Vec::new(),
        transport: None,
        targets: Arc::default(),
        debug: false,
        secrets: Default::default(),
        output: Arc::new(Discard),
        deadline: None,
        cancel: CancellationToken::new(),
    }
}
