//! Asks for the machine: each type in each place, first as a spot machine where the section wants one.

use std::collections::HashMap;

use banquet_sdk::{Context, Error, Residue, Result};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::client::Account;
use crate::errors::{Cause, Refusal};
use crate::group;
use crate::images::Chosen;
use crate::machine;
use crate::network::Place;
use crate::request::Request;
use crate::settings::Settings;
use crate::tags::Owner;

/// Everything that all attempts have in common.
pub struct Launch<'a> {
    /// The call.
    pub cx: &'a Context,
    /// The section.
    pub settings: &'a Settings,
    /// Where.
    pub account: &'a Account,
    /// Whose.
    pub owner: &'a Owner,
    /// Image.
    pub image: &'a Chosen,
    /// Places in the order in which they are tried.
    pub places: &'a [Place],
    /// Key pair.
    pub key: Option<&'a str>,
    /// In base 64.
    pub user_data: Option<&'a str>,
    /// What every attempt's token begins with; the state has it.
    pub token: &'a str,
    /// Held while a security group is looked for and made.
    pub turn: &'a Mutex<()>,
}

/// A machine that was asked for.
#[derive(Debug)]
pub struct Launched {
    /// Its id.
    pub id: String,
    /// The temporary security group that it is in.
    pub group: Option<String>,
}

/// What came of a round over all types and places.
enum Round {
    Machine(Launched),
    /// There is none to be had; why.
    Nothing(Error),
}

impl Launch<'_> {
    /// The machine. Nothing was made where the error says so by its residue.
    pub async fn run(&self) -> Result<Launched> {
        if self.settings.spot_price.is_some() {
            match self.spot().await? {
                Round::Machine(launched) => return Ok(launched),
                Round::Nothing(error) if !self.settings.spot_fallback => return Err(error),
                Round::Nothing(error) => {
                    let text = format!(
                        "{error}: asking for a machine at the usual price instead \
                         (`spot_fallback: false` forbids it)"
                    );
                    self.cx.note(text).await;
                }
            }
        }
        match self.round(false).await? {
            Round::Machine(launched) => Ok(launched),
            Round::Nothing(error) => Err(error),
        }
    }

    /// Rounds for as long as the section says.
    async fn spot(&self) -> Result<Round> {
        let until = Instant::now() + self.cx.within(self.settings.spot_wait.0);
        loop {
            let round = self.round(true).await?;
            let over = Instant::now() + self.settings.retryable_sleep.0 > until;
            if over || matches!(round, Round::Machine(_)) {
                return Ok(round);
            }
            sleep(self.settings.retryable_sleep.0).await;
        }
    }

    async fn round(&self, spot: bool) -> Result<Round> {
        let usual = [self.image.default_type().to_owned()];
        let types = match &self.settings.instance_type.0[..] {
            [] => &usual[..],
            types => types,
        };
        let mut groups: HashMap<&str, Vec<String>> = HashMap::new();
        let mut refusals = Vec::new();
        for (p, place) in self.places.iter().enumerate() {
            let groups = match groups.entry(&place.vpc) {
                std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => {
                    new.insert(self.groups(&place.vpc).await?)
                }
            };
            for (t, instance_type) in types.iter().enumerate() {
                let market = if spot { "s" } else { "d" };
                let request = Request {
                    settings: self.settings,
                    owner: self.owner,
                    region: &self.account.region,
                    image: &self.image.id,
                    instance_type,
                    place,
                    groups,
                    key: self.key,
                    user_data: self.user_data,
                    spot,
                    token: &format!("{}-{market}{p}-{t}", self.token),
                };
                match self.ask(&request).await? {
                    Ok(id) => {
                        let group = groups.first().filter(|_| self.settings.own_group());
                        let group = group.cloned();
                        return Ok(Round::Machine(Launched { id, group }));
                    }
                    Err(refusal) => refusals.push((refusal, instance_type.clone(), place)),
                }
            }
        }
        Ok(Round::Nothing(self.nothing(spot, refusals)))
    }

    async fn groups(&self, vpc: &str) -> Result<Vec<String>> {
        if !self.settings.own_group() {
            return group::named(self.account, self.settings, vpc).await;
        }
        let _turn = self.turn.lock().await;
        let windows = self.image.is_windows() || self.cx.platform.os == "windows";
        let id = group::ensure(self.account, self.owner, self.settings, vpc, windows).await?;
        Ok(vec![id])
    }

    /// The machine's id, or why there is none to be had there; an error ends the search.
    async fn ask(&self, request: &Request<'_>) -> Result<std::result::Result<String, Refusal>> {
        let kind = if request.spot {
            "spot machine"
        } else {
            "machine"
        };
        self.cx
            .note(format!(
                "asking for a {kind} of type {} from image {}",
                request.instance_type, request.image
            ))
            .await;
        let asked = request.input().send_with(&self.account.client).await;
        let refusal = match asked.map_err(Refusal::from) {
            Ok(answer) => {
                let id = answer.instances().first().and_then(|it| it.instance_id());
                let none = || Error::machine("make the machine: EC2 names none");
                return Ok(Ok(id.ok_or_else(none)?.to_owned()));
            }
            Err(refusal) => refusal,
        };
        match refusal.cause() {
            Cause::Capacity | Cause::Spot => Ok(Err(refusal)),
            // An earlier attempt got through, with what the section said then.
            Cause::Mismatch => match find(self.account, self.owner, request.token).await? {
                Some(id) => Ok(Ok(id)),
                None => Err(self.account.error("make the machine", &refusal)),
            },
            Cause::Silence => Err(self
                .account
                .error("make the machine", &refusal)
                .residue(Residue::Unknown)),
            _ => Err(self.account.error("make the machine", &refusal)),
        }
    }

    fn nothing(&self, spot: bool, refusals: Vec<(Refusal, String, &Place)>) -> Error {
        let doing = match spot {
            true => "find a spot machine",
            false => "find a machine",
        };
        let Some((last, _, _)) = refusals.last() else {
            return Error::machine(format!("{doing}: there is nowhere to look"));
        };
        let mut error = self.account.error(doing, last);
        if refusals.len() > 1 {
            let each: Vec<String> = refusals
                .iter()
                .map(|(refusal, kind, place)| {
                    let subnet = place.subnet.as_deref().unwrap_or("the default network");
                    format!("{kind} in {subnet}: {}", refusal.code)
                })
                .collect();
            error.message = format!("{doing}: {}", each.join("; "));
        }
        error
    }
}

/// The living machine of `owner` that was asked for with a token that begins with `token`.
pub async fn find(account: &Account, owner: &Owner, token: &str) -> Result<Option<String>> {
    let all = machine::list(account, owner.machines()).await?;
    let mut ours = all.into_iter().filter(|it| {
        let asked = it.client_token().unwrap_or_default();
        machine::is_alive(it) && asked.starts_with(token)
    });
    Ok(ours.next().and_then(|it| it.instance_id))
}
