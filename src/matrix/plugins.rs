//! What the matrix asks about the plugins of this build.

use super::Kind;

/// Knows plugins by name.
pub trait Plugins {
    /// The transport that reaches this driver's machines where the configuration names none.
    fn own_transport(&self, driver: &str) -> Option<String>;

    /// The keys that a plugin knows; none where the plugin or its keys are unknown.
    fn keys(&self, kind: Kind, name: &str) -> Option<Vec<String>>;
}

/// A build without plugins.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPlugins;

impl Plugins for NoPlugins {
    fn own_transport(&self, _driver: &str) -> Option<String> {
        None
    }

    fn keys(&self, _kind: Kind, _name: &str) -> Option<Vec<String>> {
        None
    }
}
