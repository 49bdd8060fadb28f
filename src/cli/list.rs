//! `kitchen list`: Test Kitchen's table of instances (lib/kitchen/command/list.rb), or the
//! clusters.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::args::{Common, Names};
use super::exit::Exit;
use super::fault::{Fault, no_colour};
use super::gc::parse;
use super::heal;
use super::loaded::{Loaded, members};
use super::mask;
use super::partition::Split;
use super::rows::{ClusterRow, InstanceRow, States};
use super::status::{self, Status};
use super::table::{self, Cell};
use crate::matrix::Selection;

/// `list`.
#[derive(Args, Clone, Debug)]
pub struct List {
    /// Which.
    #[command(flatten)]
    pub names: Names,
    /// Instances instead of clusters
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub instances: Option<bool>,
    /// Which part.
    #[command(flatten)]
    pub split: Split,
    /// Names only, one a line
    #[arg(short, long)]
    pub bare: bool,
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    /// Also what the drivers say of the machines now
    #[arg(long)]
    pub live: bool,
    /// As `--live`, and whether the machines can be reached
    #[arg(long)]
    pub probe: bool,
    /// Longest time for a driver or a transport to answer, with --live and --probe
    #[arg(long, value_name = "DURATION", value_parser = parse, default_value = "2m")]
    pub timeout: Duration,
    /// Removed from Test Kitchen; says so.
    #[arg(short, long, hide = true)]
    pub debug: bool,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// Prints what there is.
pub fn list(list: &List) -> Result<Exit, Fault> {
    if list.debug {
        return Err(Fault::usage(
            "The --debug flag on the list subcommand is deprecated, please use `kitchen diagnose'.",
            None::<String>,
        ));
    }
    let loaded = Loaded::read(&list.common)?;
    let only_instances = list.instances == Some(true);
    let (clusters, instances) = if only_instances && list.names.names.is_empty() {
        let instances = loaded.matrix.instances.clone();
        let all = Selection {
            clusters: Vec::new(),
            instances,
        };
        (Vec::new(), list.split.of(all)?.instances)
    } else {
        let selection = list.split.of(loaded.look(&list.names)?)?;
        match only_instances {
            true => (Vec::new(), members(&selection)),
            false => (selection.clusters, selection.instances),
        }
    };
    let listed = Selection {
        clusters,
        instances,
    };
    let (clusters, instances) = (&listed.clusters, &listed.instances);
    let mut out = io::BufWriter::new(match list.json {
        true => mask::json_out(),
        false => mask::out(),
    });
    if list.bare {
        let clusters = clusters.iter().map(|cluster| &cluster.name);
        for name in clusters.chain(instances.iter().map(|instance| &instance.name)) {
            writeln!(out, "{name}")?;
        }
        out.flush()?;
        return Ok(Exit::Success);
    }
    let look = |instances: &[_]| -> Result<Vec<Option<Status>>, Fault> {
        match list.live || list.probe {
            true => status::of(&loaded, instances, list.probe, list.timeout),
            false => Ok(instances.iter().map(|_| None).collect()),
        }
    };
    let states = States::of(&loaded.project);
    let clusters = clusters
        .iter()
        .map(|cluster| {
            Ok(ClusterRow::of(
                cluster,
                &loaded.project,
                &states,
                look(&cluster.members)?,
            ))
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let instances: Vec<InstanceRow> = instances
        .iter()
        .zip(look(instances)?)
        .map(|(instance, status)| InstanceRow::of(instance, &loaded.project, &states, status))
        .collect();
    if list.json {
        let rows = clusters.iter().map(ClusterRow::json);
        let rows: Vec<Value> = rows
            .chain(instances.iter().map(InstanceRow::json))
            .collect();
        writeln!(out, "{:#}", mask::json(Value::Array(rows)))?;
    } else {
        let terminal = io::stdout().is_terminal() && !no_colour();
        let colours = list.common.color.unwrap_or(terminal);
        let both = !clusters.is_empty() && !instances.is_empty();
        let rows = clusters.iter().map(ClusterRow::cells).collect();
        print(&ClusterRow::HEAD, rows, colours, &mut out)?;
        if both {
            writeln!(out)?;
        }
        let rows = instances.iter().map(InstanceRow::cells).collect();
        print(&InstanceRow::HEAD, rows, colours, &mut out)?;
        out.flush()?;
        heal::tell(&loaded, &listed);
        tell_strays(&loaded);
    }
    out.flush()?;
    Ok(Exit::Success)
}

/// Tells on standard error what there is and the configuration does not have.
fn tell_strays(loaded: &Loaded) {
    let strays = loaded.strays();
    if !strays.is_empty() {
        let told = strays.told().join(", ");
        mask::note(&format!(
            "-----> Not in the configuration any more: {told}. `kitchen destroy` without a name and \
             `kitchen gc --yes` remove it."
        ));
    }
}

/// A table below those of its titles that it has columns for; nothing where there are no rows.
fn print(
    titles: &[&str],
    mut rows: Vec<Vec<Cell>>,
    colours: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let Some(columns) = rows.first().map(Vec::len) else {
        return Ok(());
    };
    let titles = titles.iter().take(columns);
    rows.insert(
        0,
        titles
            .map(|title| (title.to_string(), table::GREEN))
            .collect(),
    );
    table::print(&rows, colours, out)
}
