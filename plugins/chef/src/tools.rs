//! Programs of the workstation that resolve cookbooks.

use std::path::PathBuf;

use banquet_sdk::tool::on_path;
use banquet_sdk::{Error, Result};

/// A program that may have several names.
pub struct Tool {
    names: &'static [&'static str],
    install: &'static str,
}

/// Resolves Policyfiles (provisioner/chef/policyfile.rb).
pub const CHEF_CLI: Tool = Tool {
    names: &["chef-cli", "chef", "cinc-cli", "cinc"],
    install: "Install Chef Workstation (https://www.chef.io/downloads) or `gem install chef-cli`.",
};

/// The same, of Cinc (kitchen-cinc: cinc/policyfile.rb).
pub const CINC_CLI: Tool = Tool {
    names: &["cinc-cli", "cinc", "chef-cli", "chef"],
    install: "Install Cinc Workstation (https://cinc.sh/download) or `gem install chef-cli`.",
};

/// Resolves Berksfiles.
pub const BERKS: Tool = Tool {
    names: &["berks"],
    install: "Install Chef Workstation or Cinc Workstation, or `gem install berkshelf`.",
};

impl Tool {
    /// Where it is on the workstation. `what` it is wanted for goes into the error.
    pub fn find(&self, what: &str) -> Result<PathBuf> {
        let found = self.names.iter().find_map(|name| on_path(name));
        found.ok_or_else(|| self.missing(what, &std::env::var("PATH").unwrap_or_default()))
    }

    fn missing(&self, what: &str, path: &str) -> Error {
        let names = self.names.join(", ");
        Error::machine(format!("{what}: there is no {names} on the PATH ({path})"))
            .hint(self.install)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_named_with_where_it_was_sought_and_how_to_get_it() {
        let error = CINC_CLI.missing("resolve the cookbooks of Policyfile.rb", "/bin:/usr/bin");
        assert_eq!(
            error.message,
            "resolve the cookbooks of Policyfile.rb: there is no cinc-cli, cinc, chef-cli, chef \
             on the PATH (/bin:/usr/bin)"
        );
        assert!(error.hints[0].contains("gem install chef-cli"));
        let nowhere = Tool {
            names: &["no-such-program"],
            install: "",
        };
        assert!(nowhere.find("try").is_err());
    }
}
