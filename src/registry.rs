//! The one place that names plugins.

use std::sync::Arc;

use banquet_sdk::{Driver, Provisioner, Transport, Verifier};

use crate::matrix::{Kind, Plugins};

/// The plugins of this build, by name.
#[derive(Clone, Default)]
pub struct Registry {
    /// Makers of machines.
    pub drivers: Vec<Arc<dyn Driver>>,
    /// Ways to machines.
    pub transports: Vec<Arc<dyn Transport>>,
    /// Configuration tools.
    pub provisioners: Vec<Arc<dyn Provisioner>>,
    /// Test tools.
    pub verifiers: Vec<Arc<dyn Verifier>>,
}

impl Registry {
    /// The driver of this name.
    pub fn driver(&self, name: &str) -> Option<&Arc<dyn Driver>> {
        self.drivers
            .iter()
            .find(|plugin| plugin.info().name == name)
    }

    /// The transport of this name.
    pub fn transport(&self, name: &str) -> Option<&Arc<dyn Transport>> {
        self.transports
            .iter()
            .find(|plugin| plugin.info().name == name)
    }

    /// The provisioner of this name.
    pub fn provisioner(&self, name: &str) -> Option<&Arc<dyn Provisioner>> {
        self.provisioners
            .iter()
            .find(|plugin| plugin.info().name == name)
    }

    /// The verifier of this name.
    pub fn verifier(&self, name: &str) -> Option<&Arc<dyn Verifier>> {
        self.verifiers
            .iter()
            .find(|plugin| plugin.info().name == name)
    }
}

impl Plugins for Registry {
    fn own_transport(&self, driver: &str) -> Option<String> {
        let transport = self.driver(driver)?.capabilities().transport?;
        Some(transport.to_owned())
    }

    fn keys(&self, kind: Kind, name: &str) -> Option<Vec<String>> {
        let info = match kind {
            Kind::Driver => self.driver(name)?.info(),
            Kind::Transport => self.transport(name)?.info(),
            Kind::Provisioner => self.provisioner(name)?.info(),
            Kind::Verifier => self.verifier(name)?.info(),
        };
        Some(info.keys())
    }
}
