//! The terminal under the live view: what it writes for ctrl-C (`^C`) would move the cursor away
//! from where the view left it, and a line of the view would stay behind.

/// Keeps the terminal from showing control characters, until dropped.
#[derive(Debug)]
pub struct Quiet {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl Quiet {
    /// Where standard input is no terminal, nothing is to be kept quiet.
    pub fn new() -> Self {
        #[cfg(unix)]
        {
            use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
            let before = tcgetattr(std::io::stdin())
                .ok()
                .filter(|modes| modes.local_modes.contains(LocalModes::ECHOCTL))
                .filter(|modes| {
                    let mut quiet = modes.clone();
                    quiet.local_modes.remove(LocalModes::ECHOCTL);
                    tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet).is_ok()
                });
            Self { before }
        }
        #[cfg(not(unix))]
        Self {}
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(before) = &self.before {
            use rustix::termios::{OptionalActions, tcsetattr};
            // The terminal may be gone by now.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}
