//! The minion's configuration and grains.

use std::path::Path;

use banquet_sdk::tool::{self, Stage};
use banquet_sdk::{Context, Error, Result};
use serde_json::{Map, Value, json};

use crate::settings::Config;
use crate::states::below;

/// Puts configuration and grains into the stage. `root` is `root_path`.
pub fn stage(cx: &Context, config: &Config, stage: &Stage, root: &str) -> Result<()> {
    let minion = below(&config.salt_minion_config);
    match &config.salt_minion_config_template {
        Some(template) => {
            let key = "salt_minion_config_template";
            let path = tool::required(cx, key, template)?;
            if template.ends_with(".erb") {
                let message = "templates of the minion's configuration are not evaluated";
                return Err(Error::config(format!("/{key}"), message)
                    .hint("Give a file without `.erb`, or use `salt_minion_extra_config`."));
            }
            stage.copy(&path, minion, &|_| true)?;
        }
        None => stage.write(minion, yaml(&own(config, root)))?,
    }
    let dropins = Path::new(&below(&config.salt_config)).join("minion.d");
    if !config.salt_minion_extra_config.is_empty() {
        let extra = yaml(&json!(config.salt_minion_extra_config));
        stage.write(dropins.join("99-minion.conf"), extra)?;
    }
    let files = &config.salt_minion_config_dropin_files.0;
    for (index, file) in files.iter().enumerate() {
        let path = tool::required(cx, "salt_minion_config_dropin_files", file)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = (99 + index).saturating_sub(files.len());
        stage.copy(&path, dropins.join(format!("{number:02}-{name}")), &|_| {
            true
        })?;
    }
    let grains = Path::new(&below(&config.salt_config)).join("grains");
    stage.write(grains, yaml(&self::grains(cx, config)))
}

/// As the template of kitchen-salt has it.
fn own(config: &Config, root: &str) -> Value {
    let place = |path: &str| format!("{root}/{}", below(path));
    let (states, pillars) = (&config.salt_env, config.pillar_env.as_ref());
    let packaged = |name: &str| format!("{}/{name}", place(&config.salt_spm_root));
    json!({
        "local": true,
        "file_client": "local",
        "state_top": "top.sls",
        "root_dir": root,
        "file_roots": {states: [place(&config.salt_file_root), packaged("salt")]},
        "pillar_roots": {
            pillars.unwrap_or(states): [place(&config.salt_pillar_root), packaged("pillar")]
        },
    })
}

/// The grains of the configuration, and what is known of the cluster.
fn grains(cx: &Context, config: &Config) -> Value {
    let mut grains = Map::new();
    if !cx.peers.0.is_empty() {
        let peers = Value::Object(cx.peers.by_suite());
        grains.insert("kitchen_peers".into(), peers);
        grains.insert("kitchen_suite".into(), json!(cx.identity.suite));
        grains.insert("kitchen_instance".into(), json!(cx.identity.instance));
    }
    grains.extend(config.grains.clone().unwrap_or_default());
    Value::Object(grains)
}

/// JSON is YAML; on lines of their own no two braces are taken for a template's.
pub fn yaml(value: &Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use banquet_sdk::conformance::{identity, members};
    use banquet_sdk::{Identity, Section};

    use super::*;

    #[test]
    fn every_fact_of_a_member_is_a_grain() {
        let members = members();
        let web = Identity {
            suite: "web".into(),
            instance: "web-here".into(),
            ..identity()
        };
        let mut cx = Context::for_tests(web, "/".into(), Section::default());
        cx.peers = Arc::new(members.clone());
        let grains = grains(&cx, &Config::default());
        assert_eq!(grains["kitchen_suite"], "web");
        assert_eq!(grains["kitchen_instance"], "web-here");
        for peer in &members.0 {
            for (fact, value) in json!(peer).as_object().unwrap() {
                let told = &grains["kitchen_peers"][&peer.suite][fact];
                assert_eq!(told, value, "{fact} of {}", peer.suite);
            }
        }
    }
}
