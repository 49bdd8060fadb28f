//! The driver: makes, switches and removes the machine of an instance.

use std::sync::Arc;

use aws_sdk_ec2::config::Credentials;
use banquet_sdk::weaker::{self, Weaker};
use banquet_sdk::{
    Capabilities, Context, Driver, Error, Fault, Orphan, PluginInfo, Power, Result, State, Status,
    async_trait,
};

use crate::client::{Account, Accounts, ENDPOINT, REGION};
use crate::create::{Creation, TOKEN};
use crate::errors::{Cause, Refusal};
use crate::machine::{self, ID};
use crate::settings::{Settings, Unneeded};
use crate::tags::Owner;
use crate::{group, key, orphans, power};

/// Makes machines of Amazon EC2. What it keeps are connections; all else is in the instance's state
/// and in the tags of what it made.
#[derive(Clone, Debug, Default)]
pub struct Ec2 {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    accounts: Accounts,
    /// Held while a cluster's security group is looked for and made.
    groups: tokio::sync::Mutex<()>,
}

/// What `kitchen doctor` tells of.
const WEAKER: [Weaker; 2] = [
    Weaker {
        at: "/security_group_cidr_ip",
        when: weaker::is_whole_internet,
        means: "the whole Internet reaches the machine's ports 22, 3389, 5985 and 5986",
        instead: "Name the addresses of your own network, or a security group.",
    },
    Weaker {
        at: "/ssl_verify_peer",
        when: weaker::is_off,
        means: "any server is believed to be EC2's",
        instead: "Leave it out, and name a certificate authority of your own with `ssl_cert_file`.",
    },
];

#[async_trait]
impl Driver for Ec2 {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Settings>("ec2", "machines of Amazon EC2, through its API")
            .with::<Unneeded>()
            .weaker(&WEAKER)
    }

    fn check(&self, cx: &Context) -> Result<()> {
        Settings::of(cx).map(drop)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            power: vec![Power::Stop, Power::Start, Power::Kill, Power::Reboot],
            transport: Some("ssh".into()),
            ..Capabilities::default()
        }
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        let settings = Settings::of(cx)?;
        let account = self.account(&settings, state).await?;
        let owner = owner(cx);
        let creation = Creation {
            cx,
            settings: &settings,
            account: &account,
            owner: &owner,
            turn: &self.shared.groups,
        };
        cx.bounded("creating the machine", creation.run(state))
            .await
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        let settings = Settings::of(cx)?;
        let account = self.account(&settings, state).await?;
        let owner = owner(cx);
        let unanswered = cx.after_crash || state.str(TOKEN).is_some();
        let gone = async {
            let ids =
                machine::to_remove(&account, cx, &settings, &owner, state, unanswered).await?;
            machine::remove(&account, cx, &settings, ids).await?;
            match cx.identity.cluster {
                // The other members need them; `dissolve` removes them.
                Some(_) => Ok(()),
                None => remove_shared(&account, cx, &owner, &settings).await,
            }
        };
        cx.bounded("removing the machine", gone).await?;
        for key in [
            ID,
            TOKEN,
            REGION,
            ENDPOINT,
            group::ID,
            key::NAME,
            "ssh_key",
            "username",
            "hostname",
            "address",
        ] {
            state.remove(key);
        }
        state.checkpoint()
    }

    async fn dissolve(&self, cx: &Context) -> Result<()> {
        if cx.identity.cluster.is_none() {
            return Ok(());
        }
        let settings = Settings::of(cx)?;
        let account = self.account(&settings, &State::in_memory()).await?;
        let owner = owner(cx);
        let gone = remove_shared(&account, cx, &owner, &settings);
        cx.bounded("removing what the members shared", gone).await
    }

    async fn status(&self, cx: &Context, state: &State) -> Result<Status> {
        let Some(id) = state.str(ID) else {
            return Ok(Status::Absent);
        };
        let settings = Settings::of(cx)?;
        let account = self.account(&settings, state).await?;
        let found = machine::find(&account, id).await?;
        Ok(found.as_ref().map_or(Status::Absent, machine::status))
    }

    async fn power(&self, cx: &Context, state: &mut State, power: Power) -> Result<()> {
        let settings = Settings::of(cx)?;
        let account = self.account(&settings, state).await?;
        let id = state.str(ID).map(String::from).ok_or_else(|| {
            Error::machine("find the machine: it was never created")
                .hint("Run kitchen create first.")
        })?;
        let word = format!("{power:?}").to_lowercase();
        let switching = power::switch(&account, cx, &settings, state, &id, power);
        let running = cx
            .bounded(&format!("the {word} of the machine"), switching)
            .await?;
        match running {
            Some(machine) => machine::note_addresses(&machine, &settings, state),
            None => Ok(()),
        }
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let reached = async {
            let settings = Settings::of(cx)?;
            let account = self.account(&settings, &State::in_memory()).await?;
            let asked = account.client.describe_vpcs().send().await;
            match asked.map_err(Refusal::from) {
                Ok(_) => Ok(()),
                Err(refusal) if refusal.cause() == Cause::Throttled => Ok(()),
                Err(refusal) => Err(account.error("ask EC2 for its networks", &refusal)),
            }
        };
        let fault = |error: Error| Fault {
            advice: error.hints.join(" "),
            message: error.message,
        };
        Ok(reached.await.err().map(fault).into_iter().collect())
    }

    async fn orphans(&self, cx: &Context) -> Result<Vec<Orphan>> {
        let settings = Settings::of(cx)?;
        let account = self.account(&settings, &State::in_memory()).await?;
        orphans::list(&account, &owner(cx)).await
    }

    async fn reclaim(&self, cx: &Context, orphan: &Orphan) -> Result<bool> {
        let settings = Settings::of(cx)?;
        let account = self.account(&settings, &State::in_memory()).await?;
        let owner = owner(cx);
        let gone = orphans::reclaim(&account, cx, &settings, &owner, orphan);
        cx.bounded(&format!("removing {}", orphan.resource), gone)
            .await?;
        Ok(true)
    }
}

impl Ec2 {
    /// With these credentials, whatever the environment and the user's files have.
    pub fn with_credentials(access_key_id: &str, secret_access_key: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "given");
        Self {
            shared: Arc::new(Shared {
                accounts: Accounts::with_credentials(credentials),
                ..Shared::default()
            }),
        }
    }

    async fn account(&self, settings: &Settings, state: &State) -> Result<Account> {
        self.shared.accounts.get(settings, state).await
    }
}

fn owner(cx: &Context) -> Owner {
    Owner(cx.identity.clone())
}

/// Removes security groups and key pairs, which no machine uses any more.
async fn remove_shared(
    account: &Account,
    cx: &Context,
    owner: &Owner,
    settings: &Settings,
) -> Result<()> {
    key::remove(account, cx, owner).await?;
    group::remove(account, cx, owner, settings).await
}
