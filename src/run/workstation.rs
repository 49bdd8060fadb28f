//! Files of plugins where the machine is the workstation itself: Test Kitchen's `/tmp/kitchen` is a
//! name that another user of the workstation may have taken, and filled with what then runs.

use std::path::PathBuf;
use std::sync::Arc;

use banquet_sdk::outside::file::own_directory;
use banquet_sdk::{Context, PluginInfo, Section};
use serde_json::Value;

use super::{Cause, Failure};
use crate::matrix::Kind;

/// Gives a provisioner or verifier a place in a directory of this user's own, where the
/// configuration gives none.
pub(super) fn place(cx: &mut Context, kind: Kind, plugin: &PluginInfo) -> Result<(), Failure> {
    let below = match kind {
        Kind::Provisioner => "kitchen",
        Kind::Verifier => "verifier",
        _ => return Ok(()),
    };
    let keys = plugin.keys();
    // `default_path` is where serverspec runs.
    let missing = [("root_path", below), ("default_path", "kitchen")]
        .into_iter()
        .filter(|(key, _)| keys.iter().any(|it| it == key))
        .filter(|(key, _)| !cx.section.values.contains_key(*key));
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(());
    }
    let own = directory();
    own_directory(&own).map_err(|error| {
        let message = format!("use the directory {}: {error}", own.display());
        Failure::new(Cause::Infrastructure, message).hint(
            "Remove it, or set `root_path` or the variable TMPDIR to a directory of your own.",
        )
    })?;
    let mut section = Section::clone(&cx.section);
    for (key, below) in missing {
        let place = own.join(below).to_string_lossy().into_owned();
        section.values.insert(key.into(), Value::String(place));
    }
    cx.section = Arc::new(section);
    Ok(())
}

/// One for each user: `kitchen-1000` in the directory for temporary files.
fn directory() -> PathBuf {
    #[cfg(unix)]
    let name = format!("kitchen-{}", rustix::process::geteuid().as_raw());
    #[cfg(not(unix))]
    let name = "kitchen";
    std::env::temp_dir().join(name)
}
