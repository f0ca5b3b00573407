//! "Illegal data stops at once": a liar, an honest validator in a process of its own, and behind it one who listens.
//!
//! Validators 0 to 3 stand in a line: 0 lies, 1 runs, 2 hears whatever 1 passes on, and 3 is behind 2, so nothing that 2 does not
//! hear reaches it. For every illegal kind of [`bds_byzantine::frames`] the listener must not see the bytes it is known
//! by, nor get the batches in it when it asks for them. That it would see them is shown with legal ones.

use std::time::{Duration, Instant};

use bds_byzantine::behaviour::View;
use bds_byzantine::frames::{self, Illegal, When};
use bds_byzantine::home::Home;
use bds_contracts::block::{BatchDigest, MerkleRoot, Statement, ValidatorIndex};
use bds_core::batch::{Batch, BatchHeader, Payload, Tip};
use bds_core::message::{Message, PrePrepare, Proposal, ProposalDigest, Status, Vote};
use bds_node::measure::cluster::Cluster;
use bds_node::network::{Inbox, Limits, Network, TurnShare};
use bds_node::runtime::admission::wall_clock;
use bds_node::workload::{Carbon, Config};
use bds_tests::process::bds;
use sha2::{Digest as _, Sha512_256};

const PATIENCE: Duration = Duration::from_secs(30);
const LIAR: usize = 0;
const HONEST: ValidatorIndex = 1;
const LISTENER: usize = 2;

/// One end in this process: a network with the identity of a validator, and all it has heard.
struct End {
    home: Home,
    network: Network,
    inbox: Inbox,
    heard: Vec<Message>,
}

impl End {
    fn open(cluster: &Cluster, index: usize) -> Self {
        let home = Home::read(cluster.home(index)).expect("a home");
        let (network, inbox) = home
            .connect(Limits::of(home.validators()))
            .expect("it listens");
        Self {
            home,
            network,
            inbox,
            heard: Vec::new(),
        }
    }

    /// Takes what has arrived.
    fn listen(&mut self) {
        while let Some(heard) = self.inbox.take(&mut TurnShare::default()) {
            self.heard.push(heard.message);
        }
    }

    fn send(&self, message: &Message) {
        self.network.send(HONEST, message);
    }

    fn statuses(&self) -> usize {
        let statuses = self
            .heard
            .iter()
            .filter(|m| matches!(m, Message::Status(_)));
        statuses.count()
    }

    /// What it has heard says these bytes.
    fn has_heard(&self, mark: &[u8]) -> bool {
        self.heard.iter().any(|message| {
            let bytes = borsh::to_vec(message).expect("encodes");
            bytes.windows(mark.len()).any(|window| window == mark)
        })
    }
}

struct Line {
    cluster: Cluster,
    liar: End,
    listener: End,
    _dir: tempfile::TempDir,
}

impl Line {
    async fn start(carbon: &Carbon) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        // Nobody votes but the one in the middle: it must not lose patience with its primary.
        let settings = [("consensus.view_timeout_ms".to_owned(), "60000".to_owned())];
        let mut cluster = Cluster::prepare(dir.path(), carbon.genesis(), 4, &settings)
            .expect("homes")
            .with_program(bds());
        let [liar, listener] = [LIAR, LISTENER].map(|index| End::open(&cluster, index));
        cluster.restart(usize::from(HONEST)).expect("it starts");
        let mut line = Self {
            cluster,
            liar,
            listener,
            _dir: dir,
        };
        line.until("the line stands", |line| {
            let connected = |end: &End| end.network.is_connected(HONEST);
            connected(&line.liar) && connected(&line.listener)
        })
        .await;
        // Nobody votes before a quorum has said where it stands.
        for end in [&line.liar, &line.listener] {
            end.send(&standing(0));
        }
        line
    }

    async fn until(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            self.cluster
                .check_running(usize::from(HONEST))
                .expect("the honest one lives");
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.liar.listen();
            self.listener.listen();
        }
    }

    /// A number among the metrics of the honest one, all its labels together.
    async fn metric(&self, name: &str, labels: &str) -> u64 {
        let url = format!("http://{}/metrics", self.cluster.api(usize::from(HONEST)));
        let text = reqwest::get(url)
            .await
            .expect("an answer")
            .text()
            .await
            .expect("text");
        let numbers = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let found = series.split('{').next() == Some(name) && series.contains(labels);
            found.then(|| value.parse::<u64>().ok())?
        });
        numbers.sum()
    }

    /// Waits until the honest one has dealt with all that was sent to it, and has said twice afterwards what it has.
    async fn dealt_with(&mut self) {
        let frames = |network: &Network| -> u64 {
            let stats = network.stats();
            stats
                .classes
                .iter()
                .map(|class| class.frames_sent + class.queue_frames)
                .sum()
        };
        let sent = frames(&self.liar.network) + frames(&self.listener.network);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let received = self
                .metric("bds_network_frames_total", "direction=\"received\"")
                .await;
            let inside = self.metric("bds_network_inbox_bytes", "").await;
            if received >= sent && inside == 0 {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "{received} of {sent} frames, {inside} bytes inside"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.listener.listen();
        let before = self.listener.statuses();
        self.until("two statuses", |line| {
            line.listener.statuses() >= before + 2
        })
        .await;
    }

    /// Sends one illegal kind and sees where it ends.
    async fn stops(&mut self, name: &str, make: frames::Maker) {
        let set = self.liar.home.genesis.validators.clone();
        let view = View {
            pen: &self.liar.home.pen,
            set: &set,
            view: 0,
            primary: 0,
            committed: 0,
            certified: None,
            lanes: vec![0; set.validators.len()],
            wall: wall_clock(),
        };
        let illegal: Illegal = make(&view, name);
        if illegal.when != When::AtOnce {
            self.provoke(illegal.when).await;
        }
        illegal
            .messages
            .iter()
            .for_each(|message| self.liar.send(message));
        self.dealt_with().await;
        if !illegal.batches.is_empty() {
            self.listener
                .send(&Message::FetchBatches(illegal.batches.clone()));
            self.dealt_with().await;
            let served = self.listener.heard.iter().any(|message| {
                matches!(message, Message::Batch(batch) if illegal.batches.contains(&batch.header.digest()))
            });
            assert!(!served, "{name}: the batch was served");
        }
        for mark in &illegal.marks {
            assert!(!self.listener.has_heard(mark), "{name}: passed on");
        }
        if illegal.when != When::AtOnce {
            self.liar.send(&standing(0));
        }
    }

    /// Claims to be ahead, and waits for the question that follows.
    async fn provoke(&mut self, when: When) {
        self.liar.heard.clear();
        self.liar.send(&standing(3));
        self.until("it asks", |line| {
            line.liar.heard.iter().any(|message| match message {
                Message::FetchSlots { .. } => when == When::AskedForSlots,
                Message::FetchHeaders { .. } => when == When::AskedForHeaders,
                _ => false,
            })
        })
        .await;
    }
}

/// What a validator says that has committed so much.
fn standing(height: u64) -> Message {
    Message::Status(Status {
        view: 0,
        committed: height,
        executed: height,
        certified: height,
        voting_ms: 1,
        lanes: vec![0; 4],
    })
}

#[tokio::test]
async fn illegal_data_of_every_kind_stops_at_the_first_honest_validator() {
    let carbon = Carbon::new(Config::default());
    let mut line = Line::start(&carbon).await;
    assert!(frames::ALL.len() >= 30, "kinds: {}", frames::ALL.len());
    for (name, make) in frames::ALL {
        line.stops(name, *make).await;
    }

    // Nobody was cut off: what is illegal is not written in the framing.
    assert_eq!(line.metric("bds_network_faults_total", "").await, 0);
    for end in [&line.liar, &line.listener] {
        assert!(end.network.is_connected(HONEST));
    }
    // Still in the first view, so that no kind was ignored for another reason than its own.
    assert_eq!(line.metric("bds_view_changes_total", "").await, 0);

    legal_data_is_passed_on(&mut line, &carbon).await;
    late_data_costs_its_sender_nothing(&mut line).await;
}

/// The same ways, legally: so the listener would have noticed. The batch is the listener's own, for a liar that was
/// caught has no place in a lane any more.
async fn legal_data_is_passed_on(line: &mut Line, carbon: &Carbon) {
    let (liar, author) = (line.liar.home.pen.clone(), line.listener.home.pen.clone());
    let wire = carbon.stream(author.chain, 0).next_signed();
    let payload = Payload::pack([wire.as_slice()]);
    let header = BatchHeader {
        chain: author.chain,
        lane: author.index,
        position: 1,
        parent: BatchDigest::default(),
        // RFC 9162: the root of a single leaf.
        transactions_root: MerkleRoot(Sha512_256::digest([&[0], wire.as_slice()].concat()).into()),
        count: 1,
        bytes: u32::try_from(payload.as_bytes().len()).expect("short"),
    };
    let digest = header.digest();
    let signature = author.sign(&Statement::Batch(digest));
    line.listener.send(&Message::Batch(Batch {
        header,
        signature,
        payload,
    }));

    let tip = Tip {
        lane: author.index,
        position: 1,
        digest,
    };
    let mut theirs = None;
    line.until("the batch is acknowledged", |line| {
        theirs = line
            .listener
            .heard
            .iter()
            .find_map(|message| match message {
                Message::Acknowledge {
                    digest: said,
                    signature,
                    ..
                } if *said == digest => Some(*signature),
                _ => None,
            });
        theirs.is_some()
    })
    .await;
    line.listener.heard.clear();
    line.listener.send(&Message::FetchBatches(vec![digest]));
    line.until("the batch is served", |line| {
        line.listener.heard.iter().any(
            |message| matches!(message, Message::Batch(batch) if batch.header.digest() == digest),
        )
    })
    .await;

    let signed = [
        (HONEST, theirs.expect("found above")),
        (author.index, author.sign(&tip.acknowledgement())),
    ];
    let proposal = Proposal {
        slot: 1,
        time: wall_clock(),
        tips: vec![tip],
    };
    let name = proposal.digest();
    line.liar.send(&Message::PrePrepare(PrePrepare {
        view: 0,
        signature: liar.sign(&Statement::PrePrepare(0, 1, name.0)),
        proposal,
        certificates: vec![signed.into_iter().collect()],
    }));
    line.until("the proposal is voted for", |line| {
        line.listener.has_heard(&name.0)
    })
    .await;
}

/// An honest validator says late what was right when it was said: that is no reason to cut it off.
async fn late_data_costs_its_sender_nothing(line: &mut Line) {
    let pen = line.listener.home.pen.clone();
    let again: Vec<Message> = line.listener.heard.clone();
    let digest = ProposalDigest([5; 32]);
    let vote = |view, slot| Vote {
        view,
        slot,
        digest,
        signature: pen.sign(&Statement::Prepare(view, slot, digest.0)),
    };
    // What it heard, passed back; votes of a slot that is done and of one far ahead.
    again.iter().for_each(|message| line.listener.send(message));
    for slot in [0, 1, 1_000_000] {
        line.listener.send(&Message::Prepare(vote(0, slot)));
        line.listener.send(&Message::Commit(vote(0, slot)));
    }
    line.dealt_with().await;
    assert_eq!(line.metric("bds_network_faults_total", "").await, 0);
    assert!(line.listener.network.is_connected(HONEST));
}
