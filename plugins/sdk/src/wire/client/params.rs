//! Params of requests, as all kinds make them.

use crate::wire::convert;
use crate::wire::message::{Plain, WithConnection, WithPeers, WithState};
use crate::{Context, Peers, State};

use super::call::GIVEN;

pub(super) fn plain(cx: &Context) -> Plain {
    Plain {
        context: Box::new(cx.into()),
    }
}

pub(super) fn with_state(cx: &Context, state: &State) -> WithState {
    WithState {
        context: Box::new(cx.into()),
        state: state.values().clone(),
    }
}

pub(super) fn with_peers(cx: &Context, peers: &Peers, state: &State) -> WithPeers {
    WithPeers {
        context: Box::new(cx.into()),
        peers: convert::peers(peers),
        state: state.values().clone(),
    }
}

pub(super) fn with_connection(cx: &Context, state: Option<&State>) -> WithConnection {
    WithConnection {
        context: Box::new(cx.into()),
        state: state.map(|it| it.values().clone()).unwrap_or_default(),
        connection: GIVEN.into(),
    }
}
