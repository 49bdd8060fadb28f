//! Files, mounts and links.

use std::fs;
use std::io;
use std::path::Path;

use super::Found;
use crate::foreign::NEIGHBOUR;
use crate::place::Place;

/// What stays in `.kitchen` on purpose: what was said, what was locked, who we are. The other
/// directories stay empty.
const KEPT: [&str; 5] = ["logs", "runs", "bin", "locks", "project"];

/// Files of a place that outlived their machines; `ours` in `.kitchen` were made by the harness.
pub fn files(place: &Place, ours: &[&str]) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in listed(&place.state())? {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if KEPT.contains(&&*name) || ours.contains(&&*name) {
            if name == "locks" {
                unfinished(&entry.path(), &mut found)?;
            }
            continue;
        }
        if entry.file_type()?.is_dir() {
            for inner in listed(&entry.path())? {
                found.push(Found::Path(inner.path(), "left in .kitchen"));
            }
        } else {
            found.push(Found::Path(entry.path(), "left in .kitchen"));
        }
    }
    for entry in listed(&place.temporary())? {
        if entry.file_name() != NEIGHBOUR {
            found.push(Found::Path(entry.path(), "temporary file"));
        }
    }
    machines_of_vagrant(place, &mut found)?;
    mounts(place, ours.is_empty(), &mut found)?;
    Ok(found)
}

/// Files that were to be renamed.
fn unfinished(directory: &Path, found: &mut Vec<Found>) -> io::Result<()> {
    for entry in listed(directory)? {
        if entry.file_name().to_string_lossy().ends_with(".new") {
            found.push(Found::Path(entry.path(), "never renamed"));
        }
    }
    Ok(())
}

/// Machines that Vagrant still knows of.
fn machines_of_vagrant(place: &Place, found: &mut Vec<Found>) -> io::Result<()> {
    let index = place.home().join(".vagrant.d/data/machine-index/index");
    let text = match fs::read_to_string(&index) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text?,
    };
    let known: serde_json::Value = serde_json::from_str(&text).map_err(io::Error::other)?;
    if known["machines"]
        .as_object()
        .is_some_and(|it| !it.is_empty())
    {
        found.push(Found::Path(index, "machines in Vagrant's index"));
    }
    Ok(())
}

/// Mounts below the place; its own disk counts only where there should be none.
fn mounts(place: &Place, state_too: bool, found: &mut Vec<Found>) -> io::Result<()> {
    let root = place.root().to_string_lossy().into_owned();
    for line in fs::read_to_string("/proc/self/mountinfo")?.lines() {
        let Some(point) = line.split(' ').nth(4).filter(|it| it.starts_with(&root)) else {
            continue;
        };
        if state_too || Path::new(point) != place.state() {
            found.push(Found::Path(point.into(), "mount"));
        }
    }
    Ok(())
}

fn listed(directory: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}
