//! Kills and signals.

use std::io;
use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use rustix::process::Signal;

use crate::aim::{Aim, Call};
use crate::round::{Game, Trouble};

/// Kills in one round. Each costs a part of a command and a `destroy`; the whole `test` in the end, which
/// costs more, is that of all.
const KILLS: u32 = 4;

impl Game<'_> {
    /// Kills commands one after the other, each with the `destroy` that must be enough, but for the
    /// last one's.
    pub fn kills(&mut self) -> Result<(), Trouble> {
        for kill in 0..KILLS {
            if kill > 0 {
                self.clean()?;
                self.is_state_lost = false;
            }
            self.kill()?;
        }
        Ok(())
    }

    /// Kills a command at a moment, and by chance makes it lose what it had noted.
    fn kill(&mut self) -> Result<(), Trouble> {
        let call = self.draw_call()?;
        self.kill_call(&call)?;
        self.lose_state()?;
        if self.dice.random_bool(0.25) {
            self.say("once more, in `destroy`");
            let destroy = self.worker.call("destroy");
            self.kill_call(&destroy)?;
            // It has noted anew what it was about to do: `destroy` is due again.
            self.is_state_lost = false;
        }
        Ok(())
    }

    /// Starts a command and kills it; false where it ended first.
    pub fn kill_call(&mut self, call: &Call) -> Result<bool, Trouble> {
        let aim = Aim::draw(&mut self.dice, self.plan.driver, &self.config, call);
        let group = self.dice.random_bool(0.1);
        let mut kitchen = self.start(call.arguments)?;
        let hit = aim.comes(&mut kitchen, &self.place)? && kitchen.signal(Signal::KILL, group)?;
        self.hits += u32::from(hit);
        self.say(&format!("{} killed {aim}: {hit}", kitchen.call));
        kitchen.end(self.worker.limit)?.is_over()?;
        self.note()?;
        Ok(hit)
    }

    /// Interrupts a command once or twice; it must end.
    pub fn interrupt(&mut self) -> Result<(), Trouble> {
        let call = self.draw_call()?;
        let aim = Aim::draw(&mut self.dice, self.plan.driver, &self.config, &call);
        let signals = [Signal::INT, Signal::TERM, Signal::HUP];
        let group = self.dice.random_bool(0.5);
        let first = *signals.choose(&mut self.dice).unwrap_or(&Signal::INT);
        let second = self.dice.random_bool(0.5).then(|| {
            let gap = Duration::from_millis(self.dice.random_range(0..400));
            (*signals.choose(&mut self.dice).unwrap_or(&Signal::INT), gap)
        });
        let mut kitchen = self.start(call.arguments)?;
        let hit = aim.comes(&mut kitchen, &self.place)? && kitchen.signal(first, group)?;
        self.hits += u32::from(hit);
        self.say(&format!("{} got {first:?} {aim}: {hit}", kitchen.call));
        if let Some((signal, gap)) = second {
            std::thread::sleep(gap);
            let hit = kitchen.signal(signal, group)?;
            self.say(&format!(
                "and {signal:?} after {} ms: {hit}",
                gap.as_millis()
            ));
        }
        kitchen.end(self.worker.limit)?.is_over()?;
        self.note()
    }

    /// A command to be disturbed; what it needs is there.
    pub fn draw_call(&mut self) -> Result<Call, Trouble> {
        let arguments = match self.dice.random_range(0..10) {
            0..4 => "test",
            4 => "test --destroy=always",
            5..8 => "create",
            _ => "destroy",
        };
        let call = self.worker.call(arguments);
        if !call.makes {
            self.run("create")?.succeeds()?;
        }
        Ok(call)
    }

    /// By chance the state of a member is lost, or everything in `.kitchen`.
    fn lose_state(&mut self) -> io::Result<()> {
        let state = self.place.state();
        let lost = match self.dice.random_range(0..10) {
            0 | 1 => {
                let first = self.config.first();
                self.say(&format!("the state of {first} is lost"));
                std::fs::remove_file(state.join(format!("{first}.yml")))
            }
            // Nothing would tell what a local command left running from a server that a hook leaves
            // running on purpose.
            2 | 3 if !self.config.has_long_verify() => {
                self.say("all of .kitchen is lost");
                self.is_state_lost = true;
                std::fs::remove_dir_all(state)
            }
            _ => Ok(()),
        };
        match lost {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
