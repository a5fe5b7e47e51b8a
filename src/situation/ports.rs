//! The situation as the port planner sees it.

use std::net::IpAddr;

use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::ports::planner::{Check, Planner, Suggestion};
use crate::survey::ports::{check_probed, suggest_probed};

use super::Situation;

impl Situation<'_> {
    /// Who holds what, seen by this instance.
    pub fn planner(&self) -> Planner {
        self.survey
            .planner(&self.instance.profile, &self.instance.config_path)
    }

    /// The base ports that are proposed for a gateway on these addresses, best first, each probed.
    pub fn suggest_ports(&self, count: usize, addresses: &[IpAddr]) -> Result<Vec<Suggestion>> {
        let silent: &dyn Fn(u64, u64) = &|_, _| {};
        let progress = self.on_probe.unwrap_or(silent);
        suggest_probed(self.host, &mut self.planner(), addresses, count, progress).map_err(|full| {
            let error = Error::from(full);
            match self.host.pick_unused_port() {
                Some(port) => error.hint(msg!("ports.spare", port = port)),
                None => error,
            }
        })
    }

    /// Whether a base port may be had, its fixed ports tried here and now.
    pub fn check_port(&self, base: u16, addresses: &[IpAddr]) -> Check {
        check_probed(self.host, &mut self.planner(), addresses, base)
    }

    /// The good base port nearest to a typed one.
    pub fn nearest_port(&self, typed: u16) -> Option<Suggestion> {
        self.planner().nearest(typed)
    }
}
