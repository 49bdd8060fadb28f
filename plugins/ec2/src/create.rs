//! From an instance to its machine, whatever an earlier call left.

use aws_sdk_ec2::types::InstanceStateName;
use banquet_sdk::{Context, Error, Residue, Result, State};
use tokio::sync::Mutex;

use crate::client::{Account, ENDPOINT, REGION};
use crate::images::{self, Chosen};
use crate::key::{self, KeyPair};
use crate::launch::{self, Launch, Launched};
use crate::machine::{self, ID};
use crate::network::{self, Place};
use crate::settings::Settings;
use crate::tags::Owner;
use crate::{group, request};

/// State key: what the machine is asked for with, noted before the call and struck out after it.
pub const TOKEN: &str = "ec2_client_token";

/// The value of `aws_ssh_key_id` that means no key pair.
const NO_KEY: &str = "_disable";

/// A creation.
pub struct Creation<'a> {
    /// The call.
    pub cx: &'a Context,
    /// The section.
    pub settings: &'a Settings,
    /// Where.
    pub account: &'a Account,
    /// Whose.
    pub owner: &'a Owner,
    /// Held while a security group is looked for and made.
    pub turn: &'a Mutex<()>,
}

impl Creation<'_> {
    /// Makes the machine, or finishes what an earlier call began; it runs afterwards.
    pub async fn run(&self, state: &mut State) -> Result<()> {
        let id = match self.known(state).await? {
            Some(id) => id,
            None => self.make(state).await?,
        };
        state.set(ID, id.clone());
        state.remove(TOKEN);
        state.checkpoint()?;
        let running = machine::until(
            self.account,
            self.cx,
            self.settings,
            &id,
            InstanceStateName::Running,
        );
        let left = || Residue::Resources(vec![format!("machine {id}")]);
        let machine = running.await.map_err(|error| error.residue(left()))?;
        machine::note_addresses(&machine, self.settings, state)
    }

    /// The machine that the state names, switched on, or that was asked for with the noted token.
    async fn known(&self, state: &mut State) -> Result<Option<String>> {
        if let Some(id) = state.str(ID).map(String::from) {
            let found = machine::find(self.account, &id).await?;
            if let Some(found) = found.filter(machine::is_alive) {
                if !self.owner.owns(found.tags()) {
                    let message =
                        format!("use machine {id}: it does not bear this instance's tags");
                    return Err(Error::machine(message)
                        .hint("Run kitchen destroy to forget it; it is left alone."));
                }
                if machine::status(&found) == banquet_sdk::Status::Stopped {
                    crate::power::start(self.account, self.cx, self.settings, &id).await?;
                }
                return Ok(Some(id));
            }
            state.remove(ID);
        }
        match state.str(TOKEN) {
            None => Ok(None),
            Some(token) => launch::find(self.account, self.owner, token).await,
        }
    }

    async fn make(&self, state: &mut State) -> Result<String> {
        let cx = self.cx;
        let platform = &cx.identity.platform;
        let image = images::choose(self.account, self.settings, platform).await?;
        let places = network::places(self.account, self.settings).await?;
        let user_data = request::user_data(cx, self.settings).await?;
        let temporary = match self.settings.aws_ssh_key_id {
            None => Some(key::prepare(cx, self.owner, self.settings.aws_ssh_key_type).await?),
            Some(_) => None,
        };
        let token = self.note(state, &image, temporary.as_ref())?;
        let made = self.ask(&image, &places, temporary.as_ref(), user_data, &token);
        match made.await {
            Ok(launched) => {
                if let Some(group) = launched.group {
                    state.set(group::ID, group);
                }
                Ok(launched.id)
            }
            Err(error) => {
                if error.residue == Residue::Nothing {
                    // No machine can have been made, so nobody need look for one.
                    state.remove(TOKEN);
                }
                Err(error)
            }
        }
    }

    /// Writes down what is about to be made.
    fn note(&self, state: &mut State, image: &Chosen, key: Option<&KeyPair>) -> Result<String> {
        state.set(REGION, self.account.region.clone());
        if let Some(endpoint) = &self.settings.endpoint_url {
            state.set(ENDPOINT, endpoint.clone());
        }
        if let Some(key) = key {
            state.set(key::NAME, key.name.clone());
            state.set("ssh_key", key.file.display().to_string());
        }
        let chosen = self.cx.transport.as_ref().is_some_and(|(_, section)| {
            let user = section.values.get("username");
            user.is_some_and(|user| !user.is_null())
        });
        if let (false, Some(platform)) = (chosen, &image.platform) {
            state.set("username", platform.username());
        }
        // One that was noted before may have been used: then the same request gets the same machine.
        let token = state.str(TOKEN).map(String::from);
        let token = token.unwrap_or_else(|| format!("banquet-{:032x}", rand::random::<u128>()));
        state.set(TOKEN, token.clone());
        state.checkpoint()?;
        Ok(token)
    }

    async fn ask(
        &self,
        image: &Chosen,
        places: &[Place],
        temporary: Option<&KeyPair>,
        user_data: Option<String>,
        token: &str,
    ) -> Result<Launched> {
        if let Some(key) = temporary {
            key.import(self.account, self.owner).await?;
        }
        let named = self.settings.aws_ssh_key_id.as_deref();
        let launch = Launch {
            cx: self.cx,
            settings: self.settings,
            account: self.account,
            owner: self.owner,
            image,
            places,
            key: temporary
                .map(|key| key.name.as_str())
                .or(named.filter(|name| *name != NO_KEY)),
            user_data: user_data.as_deref(),
            token,
            turn: self.turn,
        };
        launch.run().await
    }
}
