//! Why has the device given no answer that can be trusted?

/// A fault of the device, its driver or its results. Never a verdict: whatever had one runs again on the CPU.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// No memory for buffers, on the device or mapped from it.
    #[error("the device is out of memory")]
    OutOfMemory,
    /// The device is gone: reset, unplugged, or its driver gave up.
    #[error("the device is lost")]
    Lost,
    /// No answer in time.
    #[error("the device did not answer in time")]
    Timeout,
    /// The driver's own words for what it refused.
    #[error("the driver refused: {0}")]
    Driver(String),
    /// The driver or what calls it panicked; the panic was caught.
    #[error("the device's thread panicked")]
    Panicked,
    /// An item does not carry the number of its batch: not done, or a result of another batch.
    #[error("a result is not of this batch")]
    WrongEcho,
    /// A message or signature with a known answer got another one.
    #[error("a known answer came out wrong")]
    WrongCanary,
    /// The CPU found something else for an item that was checked again.
    #[error("the CPU found another answer")]
    WrongAnswer,
}

impl Fault {
    /// Number of kinds.
    pub(super) const KINDS: usize = 8;

    /// Stable lower-case names in the order of [`Fault::kind`], for metrics.
    pub(super) const NAMES: [&'static str; Self::KINDS] = [
        "out_of_memory",
        "lost",
        "timeout",
        "driver",
        "panicked",
        "wrong_echo",
        "wrong_canary",
        "wrong_answer",
    ];

    /// Which kind this is.
    pub(super) fn kind(&self) -> usize {
        match self {
            Self::OutOfMemory => 0,
            Self::Lost => 1,
            Self::Timeout => 2,
            Self::Driver(_) => 3,
            Self::Panicked => 4,
            Self::WrongEcho => 5,
            Self::WrongCanary => 6,
            Self::WrongAnswer => 7,
        }
    }
}
