//! Goes through what there is, lock by lock, and removes what was left behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{Error, Identity, Orphan, State};

use super::judge::{Facts, Standing, is_ended};
use super::survey::{Asked, Thing, is_same};
use crate::matrix::Matrix;
use crate::state::{self, ClusterRecord, Found, Holder, Lock, Project};

/// How a sweep goes.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Remove it, not only say so.
    pub remove: bool,
    /// Also what instances use that exist.
    pub all: bool,
    /// Only what is older.
    pub older_than: Option<Duration>,
    /// Longest time that one call of a driver may take.
    pub limit: Duration,
}

/// What became of a thing.
pub struct Row {
    /// The thing.
    pub thing: Thing,
    /// How it stands; none where it was not looked at, since it is held.
    pub standing: Option<Standing>,
    /// What became of it.
    pub fate: Fate,
}

/// What becomes of a thing.
#[derive(Debug)]
pub enum Fate {
    /// It was left behind, and is still there: nothing was to be removed.
    Left,
    /// It was removed.
    Removed,
    /// It could not be removed.
    Failed(Error),
    /// It was left behind, and is too young, or of unknown age.
    Young,
    /// It is still wanted.
    Kept,
    /// Another process works on its cluster or instance: who.
    Held(String),
}

/// Judges `things`, and removes what was left behind where `how` says so.
pub async fn sweep(
    project: &Project,
    matrix: &Matrix,
    things: Vec<Thing>,
    how: How,
) -> Result<Vec<Row>, state::Error> {
    let mut facts = Facts::of(matrix);
    let mut rows = Vec::with_capacity(things.len());
    for group in groups(&facts, things) {
        rows.extend(group.swept(project, &mut facts, how).await?);
    }
    Ok(rows)
}

impl How {
    /// What is of unknown age may be young.
    fn is_old_enough(&self, orphan: &Orphan) -> bool {
        self.older_than
            .is_none_or(|least| orphan.age.is_some_and(|age| age >= least.as_secs()))
    }
}

/// Things that are worked on under the same locks.
struct Group {
    locks: BTreeSet<String>,
    things: Vec<Thing>,
}

fn groups(facts: &Facts, things: Vec<Thing>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for thing in things {
        let mut locks = facts.locks(&thing.orphan.identity);
        let (joined, mut apart): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| !group.locks.is_disjoint(&locks));
        let mut things = Vec::new();
        for group in joined {
            locks.extend(group.locks);
            things.extend(group.things);
        }
        things.push(thing);
        apart.push(Group { locks, things });
        groups = apart;
    }
    groups
}

impl Group {
    async fn swept(
        self,
        project: &Project,
        facts: &mut Facts,
        how: How,
    ) -> Result<Vec<Row>, state::Error> {
        let locks = facts.ours(project, &self.locks)?;
        let grip = match Grip::on(project, &locks, how.remove) {
            Ok(grip) => grip,
            Err(held @ state::Error::Held { .. }) => return Ok(self.held(&held.to_string())),
            Err(error) => return Err(error),
        };
        // Not before the locks are held: until then states change.
        facts.read_states(project)?;
        let judge = |thing: &Thing| facts.judge(&thing.orphan, &grip.killed);
        let standings: Vec<Standing> = self.things.iter().map(judge).collect();
        let fate = |(standing, thing): (&Standing, &Thing)| match standing.is_left(how.all) {
            true if how.is_old_enough(&thing.orphan) => Fate::Left,
            true => Fate::Young,
            false => Fate::Kept,
        };
        let mut fates: Vec<Fate> = standings.iter().zip(&self.things).map(fate).collect();
        if how.remove {
            let clearing = Clearing {
                project,
                facts,
                things: &self.things,
                limit: how.limit,
                after_crash: !grip.killed.is_empty(),
            };
            clearing.clear(&mut fates).await?;
        }
        let killed = |(standing, fate): (&Standing, &Fate)| {
            matches!(standing, Standing::Killed(_)) && !matches!(fate, Fate::Removed)
        };
        let remains = standings.iter().zip(&fates).any(killed);
        grip.let_go(remains);
        let rows = self.things.into_iter().zip(standings).zip(fates);
        let row = |((thing, standing), fate)| Row {
            thing,
            standing: Some(standing),
            fate,
        };
        Ok(rows.map(row).collect())
    }

    fn held(self, by: &str) -> Vec<Row> {
        let row = |thing| Row {
            thing,
            standing: None,
            fate: Fate::Held(by.to_owned()),
        };
        self.things.into_iter().map(row).collect()
    }
}

/// The locks of a group: held, or only looked at where nothing is to be removed.
struct Grip {
    taken: Vec<Lock>,
    /// Their last holders, where those were killed.
    killed: Vec<Holder>,
}

impl Grip {
    fn on(project: &Project, locks: &BTreeSet<String>, take: bool) -> Result<Self, state::Error> {
        let kitchen = project.kitchen();
        let mut grip = Self {
            taken: Vec::new(),
            killed: Vec::new(),
        };
        for name in locks {
            let killed = match Lock::look(&kitchen, name)? {
                Found::Free => None,
                Found::Killed(holder) => Some(holder),
                Found::Held(holder) => {
                    grip.let_go(true);
                    return Err(state::Error::Held {
                        name: name.clone(),
                        holder: Some(holder),
                    });
                }
            };
            if take {
                let run = killed.as_ref().and_then(|holder| holder.run.as_deref());
                match Lock::take(&kitchen, name, "gc", run) {
                    Ok(lock) => grip.taken.push(lock),
                    Err(error) => {
                        grip.let_go(true);
                        return Err(error);
                    }
                }
            }
            grip.killed.extend(killed);
        }
        Ok(grip)
    }

    /// Lets go. Where something of a killed run remains, the next holder is told of it as well.
    fn let_go(self, remains: bool) {
        for lock in self.taken {
            match remains {
                true => lock.give_back(),
                false => drop(lock),
            }
        }
    }
}

/// The removal of what was left behind of one group.
struct Clearing<'a> {
    project: &'a Project,
    facts: &'a Facts,
    things: &'a [Thing],
    limit: Duration,
    after_crash: bool,
}

impl Clearing<'_> {
    /// What is [`Fate::Left`] is removed: whole instances and clusters by their drivers, as
    /// `kitchen destroy` does, all else one by one.
    async fn clear(&self, fates: &mut [Fate]) -> Result<(), state::Error> {
        let mut whys = Vec::new();
        for (thing, whole) in self.wholes(fates) {
            if let Err(error) = self.destroy(thing, whole).await {
                whys.push((whole, error));
            }
        }
        for (at, thing) in self.things.iter().enumerate() {
            if matches!(fates[at], Fate::Left) {
                let why = whys.iter().find(|(whole, _)| whole.has(thing));
                if thing.noted {
                    fates[at] = why.map_or(Fate::Removed, |(_, why)| Fate::Failed(why.clone()));
                    continue;
                }
                fates[at] = match self.reclaim(thing).await {
                    Ok(true) => Fate::Removed,
                    Ok(false) => {
                        Fate::Failed(why.map_or_else(|| cannot(thing), |(_, why)| why.clone()))
                    }
                    Err(error) => Fate::Failed(error),
                };
            }
        }
        self.forget(fates)
    }

    /// The instances, then the clusters, of which nothing stays: each with one of its things.
    fn wholes(&self, fates: &[Fate]) -> Vec<(&Thing, Whole<'_>)> {
        let mut wholes: Vec<(&Thing, Whole<'_>)> = Vec::new();
        let instances = self.things.iter().filter_map(|thing| {
            let instance = &thing.orphan.identity.instance;
            let machine = !instance.is_empty() && !thing.orphan.cache;
            machine.then_some((thing, Whole::Instance(&thing.asked, instance)))
        });
        let clusters = self.things.iter().filter_map(|thing| {
            let cluster = thing.orphan.identity.cluster.as_ref()?;
            Some((thing, Whole::Cluster(&thing.asked, cluster)))
        });
        for (thing, whole) in instances.chain(clusters) {
            let known = wholes.iter().any(|(_, known)| known.is(whole));
            let mut parts = self
                .things
                .iter()
                .zip(fates)
                .filter(|(it, _)| whole.has(it));
            if !known && parts.all(|(_, fate)| matches!(fate, Fate::Left)) {
                wholes.push((thing, whole));
            }
        }
        wholes
    }

    async fn destroy(&self, thing: &Thing, whole: Whole<'_>) -> Result<(), Error> {
        let Thing { orphan, asked, .. } = thing;
        let mut cx = asked.context(&orphan.identity, self.limit);
        cx.after_crash = self.after_crash;
        match whole {
            Whole::Instance(_, instance) => {
                let mut state = State::in_memory();
                if let Some(Some(values)) = self.facts.states.get(instance) {
                    values
                        .iter()
                        .for_each(|(key, value)| state.set(key, value.clone()));
                }
                let what = format!("destroying {instance}");
                cx.bounded(&what, asked.driver.destroy(&cx, &mut state))
                    .await
            }
            Whole::Cluster(_, cluster) => {
                let what = format!("removing what {cluster} shared");
                cx.bounded(&what, asked.driver.dissolve(&cx)).await
            }
        }
    }

    /// Whether it is gone; removes it where it is not. False where it can only go with others.
    async fn reclaim(&self, thing: &Thing) -> Result<bool, Error> {
        let Thing { orphan, asked, .. } = thing;
        let listed = asked.list(self.limit).await?;
        if !listed.iter().any(|it| is_same(it, orphan)) {
            return Ok(true);
        }
        let cx = asked.context(&orphan.identity, self.limit);
        let what = format!("removing {}", orphan.resource);
        cx.bounded(&what, asked.driver.reclaim(&cx, orphan)).await
    }

    /// Removes the states and the records of what is gone.
    fn forget(&self, fates: &[Fate]) -> Result<(), state::Error> {
        let rows = || self.things.iter().zip(fates);
        let gone = |has: &dyn Fn(&Identity) -> bool| {
            rows()
                .filter(|(thing, _)| has(&thing.orphan.identity) && !thing.orphan.cache)
                .all(|(_, fate)| matches!(fate, Fate::Removed))
        };
        let mut states: BTreeSet<&String> = self.facts.states.keys().collect();
        for (thing, fate) in rows() {
            let name = &thing.orphan.identity.instance;
            let Some(Some(state)) = self.facts.states.get(name) else {
                continue;
            };
            let told = thing.noted || thing.orphan.is_noted_in(state) || !is_ended(state);
            if matches!(fate, Fate::Removed) && told && gone(&|it| it.instance == *name) {
                self.project.state_file(name).remove()?;
                states.remove(name);
            }
        }
        let clusters: BTreeSet<&String> = rows()
            .filter_map(|(thing, _)| thing.orphan.identity.cluster.as_ref())
            .collect();
        for cluster in clusters {
            let members = self.facts.members(cluster);
            let empty = !members.iter().any(|member| states.contains(member));
            if empty && gone(&|it| it.cluster.as_ref() == Some(cluster)) {
                ClusterRecord::remove(&self.project.kitchen(), cluster)?;
            }
        }
        Ok(())
    }
}

/// An instance or a cluster, as far as one driver made it.
#[derive(Clone, Copy)]
enum Whole<'a> {
    Instance(&'a Arc<Asked>, &'a String),
    Cluster(&'a Arc<Asked>, &'a String),
}

impl Whole<'_> {
    /// Whether `thing` is a part of it.
    fn has(self, thing: &Thing) -> bool {
        let identity = &thing.orphan.identity;
        match self {
            _ if thing.orphan.cache => false,
            Self::Instance(asked, name) => {
                Arc::ptr_eq(asked, &thing.asked) && identity.instance == *name
            }
            Self::Cluster(asked, name) => {
                Arc::ptr_eq(asked, &thing.asked) && identity.cluster.as_ref() == Some(name)
            }
        }
    }

    fn is(self, other: Whole<'_>) -> bool {
        match (self, other) {
            (Self::Instance(asked, name), Whole::Instance(other, another))
            | (Self::Cluster(asked, name), Whole::Cluster(other, another)) => {
                Arc::ptr_eq(asked, other) && name == another
            }
            _ => false,
        }
    }
}

fn cannot(thing: &Thing) -> Error {
    let group = thing.orphan.identity.group();
    Error::unsupported(format!(
        "driver {} cannot remove it alone",
        thing.asked.name
    ))
    .hint(format!(
        "`kitchen destroy {group}` removes all that is left of {group}."
    ))
}
