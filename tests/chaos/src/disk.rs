//! A disk that fills.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::Rng;
use rustix::process::Signal;

use crate::aim::Aim;
use crate::round::{Game, Trouble};

/// A small disk of its own, for as long as this lives.
pub struct Disk(PathBuf);

impl Disk {
    /// On `path`, which is made.
    fn on(path: &Path, kib: u32) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"])
            .arg(path)
            .status()?;
        match mounted.success() {
            true => Ok(Self(path.to_owned())),
            false => Err(io::Error::other("a tmpfs cannot be mounted")),
        }
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Takes all the room that is left.
    fn fill(&self) -> io::Result<()> {
        let mut file = fs::File::create(self.filler())?;
        match io::copy(&mut io::repeat(0), &mut file) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg("--lazy").arg(&self.0).status();
        if !gone.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.0.display());
        }
    }
}

impl Game<'_> {
    /// Fills the disk of `.kitchen` while a command runs; that may be killed then, or end as it likes.
    /// `destroy` needs no room.
    pub fn fill_disk(&mut self) -> Result<(), Trouble> {
        let kib = self.dice.random_range(100..3000);
        let disk = Disk::on(&self.place.state(), kib)?;
        let call = self.draw_call()?;
        let aim = Aim::draw(&mut self.dice, self.plan.driver, &self.config, &call);
        let (kill, free) = (self.dice.random_bool(0.5), self.dice.random_bool(0.3));
        let mut kitchen = self.start(call.arguments)?;
        let hit = aim.comes(&mut kitchen, &self.place)?;
        disk.fill()?;
        self.hits += u32::from(hit);
        self.say(&format!(
            "disk of {kib} KiB, full in {} {aim}: {hit}",
            kitchen.call
        ));
        if kill {
            let hit = kitchen.signal(Signal::KILL, false)?;
            self.say(&format!("then killed: {hit}"));
        }
        kitchen.end(self.worker.limit)?.is_over()?;
        self.note()?;
        if free {
            self.say("there is room again");
            fs::remove_file(disk.filler())?;
        }
        self.foreign_state_files.push("filler");
        self.clean()?;
        self.foreign_state_files.pop();
        drop(disk);
        Ok(())
    }
}
