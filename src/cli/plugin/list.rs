//! `kitchen plugin list`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::super::mask;
use super::KINDS;
use crate::cli::exit::Exit;
use crate::cli::fault::Fault;
use crate::matrix::Kind;
use crate::registry::Registry;

/// `plugin list`.
#[derive(Args, Clone, Debug)]
pub struct List {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// A plugin.
#[derive(Debug, Serialize)]
struct Row {
    kind: &'static str,
    name: String,
    /// Where it is; none: built in.
    path: Option<PathBuf>,
    version: Option<String>,
    /// Version of the protocol that it speaks.
    protocol: Option<String>,
    /// Another one of the name is used in its place.
    shadowed: bool,
    /// Why it cannot be used.
    error: Option<String>,
}

/// Prints all plugins.
pub fn list(list: &List) -> Result<Exit, Fault> {
    let registry = super::registry()?;
    let rows: Vec<Row> = KINDS
        .into_iter()
        .flat_map(|kind| rows(&registry, kind))
        .collect();
    let text = match list.json {
        true => serde_json::to_string_pretty(&rows).unwrap_or_default() + "\n",
        false => table(&rows),
    };
    let mut out = match list.json {
        true => mask::json_out(),
        false => mask::out(),
    };
    out.write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

fn rows(registry: &Registry, kind: Kind) -> Vec<Row> {
    let builtin = registry.builtin_names(kind);
    let mut rows: Vec<Row> = builtin
        .iter()
        .map(|name| Row {
            kind: kind.key(),
            name: name.clone(),
            path: None,
            version: Some(env!("CARGO_PKG_VERSION").into()),
            protocol: None,
            shadowed: false,
            error: None,
        })
        .collect();
    for (name, paths) in registry.found(kind) {
        for (number, path) in paths.iter().enumerate() {
            let shadowed = number > 0 || builtin.contains(&name);
            rows.push(outside(registry, kind, &name, path, shadowed));
        }
    }
    rows.sort_by(|one, two| one.name.cmp(&two.name));
    rows
}

fn outside(registry: &Registry, kind: Kind, name: &str, path: &Path, shadowed: bool) -> Row {
    let mut row = Row {
        kind: kind.key(),
        name: name.into(),
        path: Some(path.into()),
        version: None,
        protocol: None,
        shadowed,
        error: None,
    };
    // One that is not used is not started.
    if !shadowed && let Some(plugin) = registry.at(kind, name, path) {
        match plugin.hello() {
            Ok(hello) => {
                row.version = Some(hello.version.clone());
                row.protocol = Some(hello.protocol.clone());
            }
            Err(error) => row.error = Some(error.message),
        }
    }
    row
}

fn table(rows: &[Row]) -> String {
    let head = ["Kind", "Name", "Version", "Protocol", "Origin"].map(str::to_owned);
    let mut lines = vec![head];
    for row in rows {
        let origin = match &row.path {
            None => "built in".to_owned(),
            Some(path) => path.display().to_string(),
        };
        let remark = match (&row.error, row.shadowed) {
            (Some(_), _) => " (cannot be used, see below)",
            (None, true) => " (shadowed: not used)",
            (None, false) => "",
        };
        let or_none = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".into());
        lines.push([
            row.kind.into(),
            row.name.clone(),
            or_none(&row.version),
            or_none(&row.protocol),
            origin + remark,
        ]);
    }
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths = [0, 1, 2, 3].map(width);
    let mut text = String::new();
    for [kind, name, version, protocol, origin] in &lines {
        text += &format!(
            "{kind:0$}  {name:1$}  {version:2$}  {protocol:3$}  {origin}\n",
            widths[0], widths[1], widths[2], widths[3]
        );
    }
    for row in rows {
        if let Some(error) = &row.error {
            text += &format!("\n{} {}: {error}\n", row.kind, row.name);
        }
    }
    text
}
