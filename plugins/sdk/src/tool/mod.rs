//! What provisioners share that run a configuration tool: the keys of Test Kitchen's base class,
//! where files are looked up, files on their way to the instance, and the shell code around the tool.

mod environment;
mod guest;
mod paths;
mod settings;
mod stage;
mod sudo;
mod transfer;
mod watch;

pub use environment::variables;
pub use guest::{Guest, PACKAGES};
pub use paths::{doctor, lookup, needs, on_path, optional_directory, required};
pub use settings::Base;
pub use stage::Stage;
pub use sudo::{Sudo, prefixed};
pub use transfer::{download, upload};
pub use watch::{Tail, Watch, plain};
