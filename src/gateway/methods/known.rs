//! The methods of OpenClaw 2026.1.30 and 2026.9.6, as their `hello-ok` names them: they distinguish a
//! method that this engine lacks from a name that no release has.

/// The names of all methods of OpenClaw's gateway, in alphabetical order, separated by white space.
const ALL_METHODS: &str = "
    agent agent.identity.get agent.wait agents.create agents.delete agents.files.get agents.files.list
    agents.files.set agents.list agents.update agents.workspace.get agents.workspace.list approval.get
    approval.history approval.resolve artifacts.download artifacts.get artifacts.list attach.grant
    attach.revoke audit.activity.list audit.list audit.run.inspect board.action board.data.read board.event
    board.get board.prompt.authorize board.update board.widget.appView board.widget.grant board.widget.put
    browser.request canvas.document.preview canvas.document.view channels.logout channels.pairing.approve
    channels.pairing.dismiss channels.pairing.list channels.start channels.status channels.stop chat.abort
    chat.history chat.inject chat.message.get chat.metadata chat.send chat.startup chat.toolTitles
    claws.monitors claws.packages.remove commands.list computer.invoke computer.status config.apply
    config.get config.patch config.schema config.schema.lookup config.set connect controlUi.githubDetail
    controlUi.githubPreview controlUi.linkPreview controlUi.sessionPreview
    controlUi.sessionPullRequests.checks controlUi.sessionPullRequests.subscribe conversations.list
    conversations.send conversations.turn conversations.turn.cancel cron.add cron.get cron.list cron.remove
    cron.run cron.runs cron.scratch.get cron.scratch.set cron.status cron.update desktop.launch
    desktop.observe desktop.release device.pair.approve device.pair.list device.pair.reject
    device.pair.remove device.pair.rename device.scopes.requestUpgrade device.scopes.waitUpgrade
    device.token.revoke device.token.rotate diagnostics.cpuProfile diagnostics.heapProfile diagnostics.lanes
    diagnostics.stability doctor.memory.backfillDreamDiary doctor.memory.dedupeDreamDiary
    doctor.memory.dreamDiary doctor.memory.repairDreamingArtifacts doctor.memory.resetDreamDiary
    doctor.memory.resetGroundedShortTerm doctor.memory.status environments.create environments.destroy
    environments.list environments.prepare environments.session.create environments.session.destroy
    environments.session.exec environments.session.status environments.status exec.approval.get
    exec.approval.grants.list exec.approval.grants.revoke exec.approval.list exec.approval.request
    exec.approval.resolve exec.approval.waitDecision exec.approvals.get exec.approvals.node.get
    exec.approvals.node.set exec.approvals.set fs.listDir gateway.identity.get gateway.restart.preflight
    gateway.restart.request gateway.suspend.handoff gateway.suspend.prepare gateway.suspend.resume
    gateway.suspend.status github.detail github.image github.preview health hooks.status last-heartbeat
    logs.tail mcp.app.callTool mcp.app.listResourceTemplates mcp.app.listResources mcp.app.listTools
    mcp.app.readResource mcp.app.updateModelContext mcp.app.view memory.search memory.sessionBackfill.apply
    memory.sessionBackfill.preview memory.sessionBackfill.rollback mentions.dismiss mentions.list
    message.action migrations.memory.apply migrations.memory.plan models.authLogin models.authLogout
    models.authOrderSet models.authRefresh models.authSetApiKey models.authStatus models.list models.probe
    node.describe node.event node.invoke node.invoke.progress node.invoke.result node.list node.pair.approve
    node.pair.list node.pair.reject node.pair.remove node.pair.request node.pair.verify node.pending.ack
    node.pending.drain node.pending.enqueue node.pending.pull node.pluginSurface.refresh
    node.pluginTools.update node.rename node.skills.update openclaw.approval.list openclaw.changes.list
    openclaw.chat openclaw.chat.history openclaw.setup.activate openclaw.setup.activate.start
    openclaw.setup.auth.start openclaw.setup.detect openclaw.setup.prepare.start openclaw.setup.verify
    plugin.approval.list plugin.approval.request plugin.approval.resolve plugin.approval.waitDecision
    plugin.surface.refresh plugins.catalog.browse plugins.catalog.categories plugins.catalog.get
    plugins.controlUi.list plugins.controlUi.reload plugins.controlUi.report plugins.controlUi.status
    plugins.credentials.inspect plugins.inspect plugins.install plugins.list plugins.refresh plugins.reload
    plugins.search plugins.sessionAction plugins.setEnabled plugins.skills.read plugins.uiDescriptors
    plugins.uninstall poll portal.close portal.list portal.open progressCard.get progressCard.put
    progressCard.refresh projects.add projects.list projects.register projects.remove projects.searchRemote
    push.web.preferences.get push.web.preferences.set question.get question.list question.request
    question.resolve question.waitAnswer secrets.reload secrets.resolve secrets.store.delete
    secrets.store.list secrets.store.set send session.discussion.info session.discussion.open
    session.members.add session.members.list session.members.listEvidence session.members.remove
    session.publicShare.set session.suggestions.add session.suggestions.list session.suggestions.resolve
    session.typing session.visibility.set sessions.abort sessions.activitySummary.ensure
    sessions.assignOwner sessions.branches.list sessions.branches.switch sessions.catalog.archive
    sessions.catalog.continue sessions.catalog.list sessions.catalog.read sessions.catalog.startTerminal
    sessions.cleanup sessions.compact sessions.companion.ask sessions.companion.reset
    sessions.companion.state sessions.create sessions.delete sessions.describe sessions.diff
    sessions.dispatch sessions.files.get sessions.files.list sessions.files.reveal sessions.files.set
    sessions.fork sessions.github.confirm sessions.github.options sessions.github.publish
    sessions.github.status sessions.goal.clear sessions.goal.update sessions.groups.defaults
    sessions.groups.delete sessions.groups.list sessions.groups.put sessions.groups.rename
    sessions.groups.update sessions.list sessions.messages.subscribe sessions.messages.unsubscribe
    sessions.move sessions.observer.visibility sessions.patch sessions.patchMany sessions.pluginPatch
    sessions.preview sessions.providerReview.continue sessions.reclaim sessions.recover sessions.reset
    sessions.resolve sessions.rewind sessions.search sessions.send sessions.setInvolvement sessions.storage.run
    sessions.storage.status sessions.subscribe sessions.title.prepare sessions.usage sessions.viewers.set set-heartbeats
    skills.bins skills.curator.pin skills.curator.restore skills.curator.status skills.curator.unpin
    skills.detail skills.install skills.library.activate skills.library.import skills.library.list
    skills.library.mutate skills.library.read skills.library.save skills.library.upload
    skills.proposals.apply skills.proposals.create skills.proposals.evaluate skills.proposals.events.list
    skills.proposals.historyScan skills.proposals.historyStatus skills.proposals.inspect
    skills.proposals.list skills.proposals.quarantine skills.proposals.reject
    skills.proposals.requestRevision skills.proposals.revise skills.proposals.update skills.search
    skills.securityVerdicts skills.skillCard skills.status skills.update skills.upload.begin
    skills.upload.chunk skills.upload.commit skills.workshop.read status system-event system-presence
    system.info talk.catalog talk.client.close talk.client.create talk.client.steer talk.client.toolCall
    talk.client.transcript talk.config talk.mode talk.session.acknowledgeMark talk.session.appendAudio
    talk.session.cancelOutput talk.session.close talk.session.create talk.session.steer
    talk.session.submitToolResult talk.speak talk.voice.complete talk.voice.get talk.voice.set
    taskSuggestions.accept taskSuggestions.create taskSuggestions.dismiss taskSuggestions.list tasks.cancel
    tasks.dismiss tasks.get tasks.history tasks.list tasks.retry terminal.attach terminal.close
    terminal.input terminal.list terminal.open terminal.resize terminal.upload themes.get themes.import
    themes.list themes.set tools.catalog tools.effective tools.github.authorize.cancel
    tools.github.authorize.poll tools.github.authorize.start tools.github.configure tools.github.status
    tools.invoke transcripts.export transcripts.get transcripts.list transcripts.status
    transcripts.summarize tts.convert tts.disable tts.enable tts.personas tts.providers tts.setPersona
    tts.setProvider tts.speak tts.status ui.command update.hold update.report update.run update.runs.get
    update.runs.list update.status usage.cost usage.status users.authConnect.answer users.authConnect.cancel
    users.authConnect.catalog users.authConnect.start users.authConnect.status users.github.authorize.cancel
    users.github.authorize.poll users.github.authorize.start users.github.disconnect users.github.status
    users.linkAuthProfile users.linkChannelIdentity users.linkEmail users.list users.listAuthLinks
    users.listChannelIdentities users.listModelAccounts users.mentionable users.prefs.get users.prefs.set
    users.selectModelAccount users.self users.setAvatar users.setDisplayName users.setRole
    users.unlinkAuthProfile users.unlinkChannelIdentity voicewake.get voicewake.routing.get voicewake.set
    wake web.login.start web.login.wait webSearch.status webSearch.test wizard.cancel wizard.next
    wizard.start wizard.status worker.desktop.launch worker.desktop.observe worktrees.branches
    worktrees.create worktrees.gc worktrees.list worktrees.remove worktrees.restore
";

/// The methods of OpenClaw's gateway that clients in the role of a node call; operators may not call them.
pub(super) const NODE_METHODS: [&str; 11] = [
    "node.event",
    "node.invoke.progress",
    "node.invoke.result",
    "node.pending.ack",
    "node.pending.drain",
    "node.pending.pull",
    "node.pluginSurface.refresh",
    "node.pluginTools.update",
    "node.runnerInventory.update",
    "node.skills.update",
    "skills.bins",
];

/// The methods of OpenClaw's gateway that start, steer or change a conversation with an agent.
const AGENT_METHODS: [&str; 5] = [
    "sessions.create",
    "sessions.patchMany",
    "openclaw.chat",
    "tools.invoke",
    "wake",
];

/// Returns whether a method of OpenClaw's gateway does nothing without an agent.
pub(super) fn needs_agent(method: &str) -> bool {
    AGENT_METHODS.contains(&method)
}

/// Returns whether the gateway of any release of OpenClaw has a method of this name.
pub(super) fn is_known(method: &str) -> bool {
    ALL_METHODS.split_whitespace().any(|name| name == method)
}
