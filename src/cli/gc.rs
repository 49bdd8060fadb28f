//! `kitchen gc`: what earlier runs of the project left behind.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use banquet_sdk::{Error, Secrets};
use clap::Args;
use serde_json::{Value, json};

use super::args::Common;
use super::exit::Exit;
use super::fault::{Fault, no_colour, plugin};
use super::loaded::Loaded;
use super::mask;
use super::streams;
use super::table::{self, Cell, GREEN, WHITE};
use crate::leftovers::{Fate, How, Row, Silent, Standing, survey, sweep};
use crate::matrix::duration;
use crate::plan::Strays;
use crate::report::safe;
use crate::state::{ClusterRecord, Lock, tidy};

/// `gc`.
#[derive(Args, Clone, Debug)]
pub struct Gc {
    /// Remove what is listed
    #[arg(short, long)]
    pub yes: bool,
    /// Only what is older: 90m, 6h, 2d
    #[arg(long, value_name = "DURATION", value_parser = parse)]
    pub older_than: Option<Duration>,
    /// Also what instances use that exist, as far as nobody works on them, and what is kept to be
    /// used again
    #[arg(short, long)]
    pub all: bool,
    /// As JSON, also what is still in use
    #[arg(short, long)]
    pub json: bool,
    /// Longest time for a driver to list or remove something
    #[arg(long, value_name = "DURATION", value_parser = parse, default_value = "2m")]
    pub timeout: Duration,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// A length of time on the command line.
pub fn parse(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "write a number with a unit: 90m, 6h, 2d".into())
}

/// Lists what was left behind, or removes it.
pub fn gc(gc: &Gc) -> Result<Exit, Fault> {
    let loaded = Loaded::read(&gc.common)?;
    let how = How {
        remove: gc.yes,
        all: gc.all,
        older_than: gc.older_than,
        limit: gc.timeout,
    };
    let kitchen = loaded.project.kitchen();
    for told in tidy(&kitchen) {
        streams::say(format_args!("       {told}"));
    }
    let strays = loaded.strays();
    let (rows, silent) = super::runtime()?.block_on(async {
        let found = survey(
            &loaded.project,
            &loaded.matrix,
            &strays,
            &loaded.registry,
            how.limit,
        )
        .await;
        let rows = sweep(&loaded.project, &loaded.matrix, found.things, how).await;
        rows.map(|rows| (rows, found.silent))
    })?;
    let secrets = mask::secrets();
    let mut out = io::BufWriter::new(match gc.json {
        true => mask::json_out(),
        false => mask::out(),
    });
    if gc.json {
        let things: Vec<Value> = rows.iter().map(|row| as_json(row, secrets)).collect();
        let silent: Vec<Value> = silent.iter().map(|it| silent_json(it, secrets)).collect();
        let all = json!({"project": loaded.project.id, "things": things, "silent": silent});
        writeln!(out, "{:#}", mask::json(all))?;
    } else {
        print(gc, &rows, &mut out)?;
        for cluster in records(&loaded, &strays) {
            writeln!(out, "       {}", forget_record(gc, &loaded, cluster)?)?;
        }
    }
    out.flush()?;
    drop(out);
    let mut exit = Exit::Success;
    for silent in &silent {
        exit = worse(exit, silence(silent, gc, secrets));
    }
    for row in &rows {
        if let Fate::Failed(error) = &row.fate {
            let fault = plugin(&shown(row), &masked(error, secrets));
            if !gc.json {
                fault.tell(gc.common.color);
            }
            exit = worse(exit, fault.exit);
        }
    }
    Ok(exit)
}

/// The clusters of which nothing but a record is left.
fn records<'a>(loaded: &'a Loaded, strays: &'a Strays) -> impl Iterator<Item = &'a str> {
    let kept = ClusterRecord::names(&loaded.project.kitchen());
    let clusters = strays.clusters.iter().filter(|it| it.members.is_empty());
    let names = clusters.map(|it| it.name.as_str());
    names.filter(move |name| kept.iter().any(|it| it == name))
}

/// Removes the record of a cluster where that was asked for; gives what is to be said of it.
fn forget_record(gc: &Gc, loaded: &Loaded, cluster: &str) -> Result<String, Fault> {
    let kitchen = loaded.project.kitchen();
    if !gc.yes {
        return Ok(format!("Left behind: the record of cluster {cluster}."));
    }
    let lock = Lock::take(&kitchen, cluster, "gc", None)?;
    ClusterRecord::remove(&kitchen, cluster)?;
    drop(lock);
    Ok(format!("Removed the record of cluster {cluster}."))
}

/// The more important of two, as of the failures of a run (docs/exit-codes.md).
fn worse(one: Exit, other: Exit) -> Exit {
    use Exit::{Config, Infrastructure, Internal, Interrupted, Success, Timeout};
    let order = [
        Success,
        Infrastructure,
        Timeout,
        Config,
        Interrupted,
        Internal,
    ];
    let rank = |exit| order.iter().position(|it| *it == exit);
    if rank(other) > rank(one) { other } else { one }
}

/// Tells of a driver that did not answer: a failure where the configuration uses it.
fn silence(silent: &Silent, gc: &Gc, secrets: &Secrets) -> Exit {
    let whom = format!("driver {}", silent.driver);
    let fault = plugin(&whom, &masked(&silent.error, secrets));
    match silent.used {
        true => {
            if !gc.json {
                fault.tell(gc.common.color);
            }
            fault.exit
        }
        false => {
            if !gc.json {
                let (whom, why) = (&silent.driver, &silent.error.message);
                streams::say(format_args!(
                    "       Not asked, and not used here: driver {whom}: {}",
                    secrets.mask(why)
                ));
            }
            Exit::Success
        }
    }
}

fn masked(error: &Error, secrets: &Secrets) -> Error {
    let mut error = error.clone();
    error.message = safe(&secrets.mask(&error.message), false).into_owned();
    error
}

fn print(gc: &Gc, rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let some = |wanted: fn(&Fate) -> bool| rows.iter().filter(move |row| wanted(&row.fate));
    for row in some(|fate| matches!(fate, Fate::Removed)) {
        writeln!(out, "       Removed {} of {}", shown(row), whose(row))?;
    }
    let left: Vec<&Row> = some(|fate| matches!(fate, Fate::Left)).collect();
    if !left.is_empty() {
        let colours = match gc.common.color {
            Some(wanted) => wanted,
            None => io::stdout().is_terminal() && !no_colour(),
        };
        table::print(&table_of(&left), colours, out)?;
    }
    for row in rows {
        if let Fate::Held(by) = &row.fate {
            writeln!(out, "       Kept {}: {}", shown(row), safe(by, false))?;
        }
    }
    let count = |wanted: fn(&Fate) -> bool| some(wanted).count();
    let removed = count(|fate| matches!(fate, Fate::Removed));
    let failed = count(|fate| matches!(fate, Fate::Failed(_)));
    match (left.len(), removed + failed) {
        (0, 0) => writeln!(out, "       Nothing was left behind.")?,
        (0, _) => writeln!(out, "       Removed: {removed}, failed: {failed}.")?,
        (left, _) => writeln!(
            out,
            "       Left behind: {left}. `kitchen gc --yes` removes it, as `kitchen destroy` does, without hooks."
        )?,
    }
    let young = count(|fate| matches!(fate, Fate::Young));
    if young > 0 {
        writeln!(
            out,
            "       Left behind, but not older than asked for: {young}."
        )?;
    }
    let kept = |wanted: fn(&Standing) -> bool| {
        let kept = some(|fate| matches!(fate, Fate::Kept));
        kept.filter(|row| row.standing.as_ref().is_some_and(wanted))
            .count()
    };
    for (count, said) in [
        (
            kept(|it| matches!(it, Standing::InUse)),
            "Still in use: {}. `kitchen destroy` removes it; `kitchen gc --all` counts it here.",
        ),
        (
            kept(|it| matches!(it, Standing::Cached)),
            "Kept to be used again: {}. `kitchen gc --all` counts it here.",
        ),
        (
            kept(|it| matches!(it, Standing::Unreadable)),
            "Kept, since the state of its instance cannot be read: {}.",
        ),
    ] {
        if count > 0 {
            writeln!(out, "       {}", said.replace("{}", &count.to_string()))?;
        }
    }
    Ok(())
}

fn table_of(rows: &[&Row]) -> Vec<Vec<Cell>> {
    let head = ["Resource", "Driver", "Of", "Run", "Age", "Why"];
    let head = head.map(|title| (title.to_owned(), GREEN)).to_vec();
    let cells = rows.iter().map(|row| {
        let orphan = &row.thing.orphan;
        let run: String = orphan.identity.run.chars().take(8).collect();
        let why = row.standing.as_ref().map(ToString::to_string);
        let cells = [
            shown(row),
            row.thing.asked.name.clone(),
            whose(row),
            run,
            orphan.age.map_or("?".into(), ago),
            why.unwrap_or_default(),
        ];
        cells.map(|text| (text, WHITE)).to_vec()
    });
    std::iter::once(head).chain(cells).collect()
}

/// The resource, as it may stand on a terminal: engines let others choose names.
fn shown(row: &Row) -> String {
    safe(&row.thing.orphan.resource, false).into_owned()
}

/// `app-host/web-host`, or the one of them that there is.
fn whose(row: &Row) -> String {
    let identity = &row.thing.orphan.identity;
    match (&identity.cluster, identity.instance.as_str()) {
        (Some(cluster), "") => cluster.clone(),
        (Some(cluster), instance) => format!("{cluster}/{instance}"),
        (None, "") => "the project".to_owned(),
        (None, instance) => instance.to_owned(),
    }
}

/// Seconds, as people say them.
fn ago(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let unit = units.iter().find(|(unit, _)| seconds >= 2 * unit);
    unit.map_or(format!("{seconds} s"), |(unit, name)| {
        format!("{} {name}", seconds / unit)
    })
}

fn as_json(row: &Row, secrets: &Secrets) -> Value {
    let orphan = &row.thing.orphan;
    let identity = &orphan.identity;
    let (fate, message) = match &row.fate {
        Fate::Left => ("left", None),
        Fate::Removed => ("removed", None),
        Fate::Failed(error) => ("failed", Some(secrets.mask(&error.message).into_owned())),
        Fate::Young => ("young", None),
        Fate::Kept => ("kept", None),
        Fate::Held(by) => ("held", Some(by.clone())),
    };
    json!({
        "resource": orphan.resource,
        "driver": row.thing.asked.name,
        "cluster": identity.cluster,
        "instance": (!identity.instance.is_empty()).then_some(&identity.instance),
        "run": identity.run,
        "age": orphan.age,
        "standing": row.standing.as_ref().map(Standing::word),
        "fate": fate,
        "message": message,
    })
}

fn silent_json(silent: &Silent, secrets: &Secrets) -> Value {
    json!({
        "driver": silent.driver,
        "used": silent.used,
        "message": secrets.mask(&silent.error.message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_as_people_say_them() {
        for (seconds, said) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_799, "47 h"),
            (200_000, "2 d"),
        ] {
            assert_eq!(ago(seconds), said);
        }
    }

    #[test]
    fn the_most_important_failure_is_the_exit_code() {
        let one = worse(Exit::Success, Exit::Timeout);
        assert_eq!(worse(one, Exit::Infrastructure), Exit::Timeout);
        assert_eq!(worse(one, Exit::Config), Exit::Config);
        assert_eq!(worse(Exit::Success, Exit::Success), Exit::Success);
    }
}
