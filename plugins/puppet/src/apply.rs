//! Applies the manifests.

use banquet_sdk::tool::{self, Guest, Watch};
use banquet_sdk::{Changes, Context, Error, ExitStatus, Result};
use shell_words::quote;

use crate::log::Log;
use crate::settings::Config;
use crate::stage::{self, Files};
use crate::{install, prepare};

/// What earlier converges left below `root_path`.
const OLD: [&str; 13] = [
    "modules",
    "manifests",
    "files",
    "hiera",
    "hiera_keys",
    "hiera.global.yaml",
    "facter",
    "facts",
    "spec",
    "enc",
    "environment",
    "puppet.conf",
    "fileserver.conf",
];

/// Converges; what it changed.
pub async fn converge(cx: &Context, config: &Config, mut guest: Guest<'_>) -> Result<Changes> {
    let files = stage::files(cx, config).await?;
    let facts = config.custom_facts.iter();
    if !config.install_custom_facts {
        let facts = facts.filter_map(|(name, value)| Some((name, stage::scalar(value)?)));
        let facts = facts.map(|(name, value)| (format!("FACTER_{name}"), value));
        guest.environment.extend(facts);
    }
    if let Some(code) = install::code(config) {
        let code = format!("{}\n{code}", tool::PACKAGES);
        guest.must("install Puppet", &code).await?;
    }
    if config.puppet_apply_command.is_none() {
        find(&guest, config).await?;
    }
    let clean = prepare::clean(config);
    guest
        .must("remove what earlier converges left", &clean)
        .await?;
    guest.send(&files.stage, &OLD).await?;
    let code = prepare::code(config, &files, guest.root());
    guest.must("prepare Puppet", &code).await?;
    let watch: Watch<'_, Log> = Watch::new(&*cx.output, Log::see);
    let status = guest
        .run(&command(config, &files, guest.root()), &watch)
        .await?;
    let changes = judge(config, watch.seen(), status)?;
    if let Changes::Some(events) = &changes {
        cx.note(format!("changes: {}", events.len())).await;
    }
    if config.remove_puppet_repo {
        let code = format!(
            "as_root rm -rf {} {} {} {}/*",
            quote(guest.root()),
            quote(config.hiera_data_remote()),
            quote(&config.hiera_eyaml_key_remote_path),
            config.puppet_dir()
        );
        guest.must("remove what Puppet needed", &code).await?;
    }
    Ok(changes)
}

/// Fails where there is no Puppet, saying where it was sought.
async fn find(guest: &Guest<'_>, config: &Config) -> Result<()> {
    let program = config.program();
    let Some(path) = guest.lacks(&program).await? else {
        return Ok(());
    };
    let error = match config.require_puppet_collections {
        true => Error::machine(format!(
            "find Puppet: there is no {program} on the instance"
        ))
        .hint(
            "For a Puppet that is not one of Puppet's collections set \
             `require_puppet_collections: false`.",
        ),
        false => Error::machine(format!(
            "find Puppet: there is no {program} on the instance's PATH ({path})"
        )),
    };
    Err(error.hint(
        "Set `require_puppet_repo: true` to have it installed from packages, or use an image that \
         has it.",
    ))
}

/// The code that applies.
fn command(config: &Config, files: &Files, root: &str) -> String {
    let apply = match &config.puppet_apply_command {
        Some(command) => command.clone(),
        None => apply(config, files, root),
    };
    let text = |code: &Option<String>| code.clone().unwrap_or_else(|| ":".into());
    // In a shell of its own: the transport's code may have a trap as well.
    format!(
        "(\nended() {{ code=$?\n{}\nexit $code\n}}\ntrap ended EXIT\n{}\n{apply}\n)",
        text(&config.custom_post_apply_command),
        text(&config.custom_pre_apply_command),
    )
}

fn apply(config: &Config, files: &Files, root: &str) -> String {
    let mut variables = Vec::new();
    let own = files.facts.then(|| format!("{root}/facter"));
    let paths: Vec<String> = own.into_iter().chain(config.facterlib.clone()).collect();
    if !paths.is_empty() {
        variables.push(format!("FACTERLIB={}", paths.join(":")));
    }
    let mut words = vec![
        config.program(),
        "apply".into(),
        format!("{root}/manifests/{}", config.manifest),
        format!("--modulepath={root}/modules"),
        format!("--fileserverconfig={root}/fileserver.conf"),
        "--detailed-exitcodes".into(),
    ];
    if let Some(environment) = &config.puppet_environment {
        words.push(format!("--environment={environment}"));
        words.push(format!("--environmentpath={}", config.environments()));
    }
    if let Some(enc) = &config.puppet_enc {
        let name = std::path::Path::new(enc).file_name().unwrap_or_default();
        words.push("--node_terminus=exec".into());
        words.push(format!(
            "--external_nodes={root}/enc/{}",
            name.to_string_lossy()
        ));
    }
    if files.hiera_config {
        words.push(format!("--hiera_config={root}/hiera.global.yaml"));
    }
    let flags = [
        (config.puppet_noop, "--noop"),
        (config.puppet_verbose, "-v"),
        (config.puppet_debug, "-d"),
        (config.puppet_future_parser, "--parser=future"),
        (config.puppet_show_diff, "--show_diff"),
    ];
    words.extend(flags.iter().filter(|it| it.0).map(|it| it.1.to_owned()));
    for destination in &config.puppet_logdest.0 {
        words.extend(["--logdest".into(), destination.clone()]);
    }
    let root_words = if config.puppet_no_sudo {
        ""
    } else {
        "as_root "
    };
    format!(
        "{root_words}env {} {} {}",
        shell_words::join(&variables),
        shell_words::join(&words),
        config.custom_options.as_deref().unwrap_or_default()
    )
}

/// What a run changed, or why it failed. Without `puppet_detailed_exitcodes` changes are success, as
/// in kitchen-puppet; that resources failed is success there as well, here only where the key is
/// `false`.
fn judge(config: &Config, log: Log, status: ExitStatus) -> Result<Changes> {
    let code = status.0;
    let told = config.puppet_apply_command.is_none() && !config.puppet_noop;
    let passed = match (code, config.puppet_detailed_exitcodes) {
        (0, _) => true,
        (code, _) if config.puppet_whitelist_exit_code.0.contains(&code) => true,
        _ if config.puppet_apply_command.is_some() => false,
        (2, detailed) => detailed != Some(true),
        (4 | 6, detailed) => detailed == Some(false),
        _ => false,
    };
    match (passed, told) {
        (false, _) => Err(log.error(code)),
        (true, false) => Ok(Changes::Unknown),
        (true, true) => Ok(log.changes(code)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(values: Value, code: i32) -> Result<Changes, i32> {
        let config: Config = serde_json::from_value(values).unwrap();
        judge(&config, Log::default(), ExitStatus(code))
            .map_err(|error| error.exit_code.unwrap_or_default())
    }

    #[test]
    fn exit_codes_are_judged_as_the_keys_say() {
        assert_eq!(judged(json!({}), 0), Ok(Changes::None));
        assert!(matches!(judged(json!({}), 2), Ok(Changes::Some(_))));
        for code in [1, 4, 6, 127] {
            assert_eq!(judged(json!({}), code), Err(code));
        }
        let detailed = json!({"puppet_detailed_exitcodes": true});
        assert_eq!(judged(detailed.clone(), 0), Ok(Changes::None));
        assert_eq!(judged(detailed, 2), Err(2));
        let listed = json!({
            "puppet_detailed_exitcodes": true, "puppet_whitelist_exit_code": [0, 2]
        });
        assert!(matches!(judged(listed.clone(), 2), Ok(Changes::Some(_))));
        assert_eq!(judged(listed, 6), Err(6));
        let loose = json!({"puppet_detailed_exitcodes": false});
        assert_eq!(judged(loose.clone(), 4), Ok(Changes::None));
        assert_eq!(judged(loose, 1), Err(1));
        let own = json!({"puppet_apply_command": "sudo -E puppet apply x"});
        assert_eq!(judged(own.clone(), 0), Ok(Changes::Unknown));
        assert_eq!(judged(own, 2), Err(2));
    }
}
