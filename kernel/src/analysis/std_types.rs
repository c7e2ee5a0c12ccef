//! Types of the standard library, by whether their values are plain data.

/// Types of the language itself.
pub const PRIMITIVES: [&str; 17] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64",
];

/// Where two of these are equal, they are equal for good: nothing else can change them. Parameters are looked at apart.
const PLAIN: [&str; 64] = [
    "String",
    "Vec",
    "Option",
    "Result",
    "Box",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "VecDeque",
    "BinaryHeap",
    "LinkedList",
    "Cow",
    "Duration",
    "Instant",
    "SystemTime",
    "Path",
    "PathBuf",
    "OsStr",
    "OsString",
    "CStr",
    "CString",
    "Wrapping",
    "Saturating",
    "Reverse",
    "Ordering",
    "PhantomData",
    "PhantomPinned",
    "Range",
    "RangeFrom",
    "RangeTo",
    "RangeToInclusive",
    "RangeFull",
    "Bound",
    "ControlFlow",
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "SocketAddrV4",
    "NonZero",
    "NonZeroU8",
    "NonZeroU16",
    "NonZeroU32",
    "NonZeroU64",
    "NonZeroU128",
    "NonZeroUsize",
    "NonZeroI8",
    "NonZeroI16",
    "NonZeroI32",
    "NonZeroI64",
    "NonZeroI128",
    "NonZeroIsize",
    "RandomState",
    "BuildHasherDefault",
    "DefaultHasher",
    "Infallible",
    "Utf8Error",
    "FromUtf8Error",
    "ParseIntError",
    "ParseFloatError",
    "ParseBoolError",
    "ErrorKind",
    "Layout",
    "Pin",
];

/// Plain data of which serde is not told all.
const LOSSY: [(&str, &str); 3] = [
    ("RangeInclusive", "does not tell serde whether it is exhausted"),
    ("SocketAddr", NO_SCOPE),
    ("SocketAddrV6", NO_SCOPE),
];

/// Shared, changeable behind a shared reference, or a handle to something outside of the value.
const SHARED: [(&str, &str); 69] = [
    ("Rc", "may share its value with other variables"),
    ("Arc", "may share its value with other variables"),
    ("Weak", "points to a value that others own"),
    ("Cell", CHANGES),
    ("RefCell", CHANGES),
    ("UnsafeCell", CHANGES),
    ("SyncUnsafeCell", CHANGES),
    ("OnceCell", CHANGES),
    ("LazyCell", CHANGES),
    ("OnceLock", CHANGES),
    ("LazyLock", CHANGES),
    ("Mutex", CHANGES),
    ("RwLock", CHANGES),
    ("ReentrantLock", CHANGES),
    ("Condvar", CHANGES),
    ("Barrier", CHANGES),
    ("Once", CHANGES),
    ("AtomicBool", CHANGES),
    ("AtomicU8", CHANGES),
    ("AtomicU16", CHANGES),
    ("AtomicU32", CHANGES),
    ("AtomicU64", CHANGES),
    ("AtomicU128", CHANGES),
    ("AtomicUsize", CHANGES),
    ("AtomicI8", CHANGES),
    ("AtomicI16", CHANGES),
    ("AtomicI32", CHANGES),
    ("AtomicI64", CHANGES),
    ("AtomicI128", CHANGES),
    ("AtomicIsize", CHANGES),
    ("AtomicPtr", CHANGES),
    ("Atomic", CHANGES),
    ("MutexGuard", BORROWS),
    ("RwLockReadGuard", BORROWS),
    ("RwLockWriteGuard", BORROWS),
    ("Ref", BORROWS),
    ("RefMut", BORROWS),
    ("NonNull", "is a pointer"),
    ("MaybeUninit", "may hold no value"),
    ("ManuallyDrop", "may hold a value that is gone"),
    ("Sender", CHANNEL),
    ("SyncSender", CHANNEL),
    ("Receiver", CHANNEL),
    ("File", HANDLE),
    ("OpenOptions", HANDLE),
    ("DirEntry", HANDLE),
    ("ReadDir", HANDLE),
    ("TcpStream", HANDLE),
    ("TcpListener", HANDLE),
    ("UdpSocket", HANDLE),
    ("UnixStream", HANDLE),
    ("UnixListener", HANDLE),
    ("UnixDatagram", HANDLE),
    ("OwnedFd", HANDLE),
    ("BorrowedFd", HANDLE),
    ("Child", HANDLE),
    ("ChildStdin", HANDLE),
    ("ChildStdout", HANDLE),
    ("ChildStderr", HANDLE),
    ("Command", HANDLE),
    ("Stdin", HANDLE),
    ("Stdout", HANDLE),
    ("Stderr", HANDLE),
    ("JoinHandle", "is a thread"),
    ("Thread", "is a thread"),
    ("ThreadId", "is a thread"),
    ("LocalKey", CHANGES),
    ("Waker", "is a handle of an executor"),
    ("Backtrace", "belongs to one run"),
];

const NO_SCOPE: &str = "does not tell serde its flow and scope";
const CHANGES: &str = "can change behind a shared reference";
const BORROWS: &str = "borrows from another value";
const CHANNEL: &str = "is one end of a channel";
const HANDLE: &str = "is a handle to something outside of the notebook";

/// Whether a value that is refused for this reason can change while nobody assigns to it.
pub fn changes_inside(why: &str) -> bool {
    [CHANGES, CHANNEL, HANDLE].contains(&why)
}

/// What a type of std is to a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdType {
    Plain,
    Lossy(&'static str),
    Shared(&'static str),
    Unknown,
}

/// By the last segment of its path.
pub fn classify(name: &str) -> StdType {
    if PRIMITIVES.contains(&name) || PLAIN.contains(&name) {
        return StdType::Plain;
    }
    let why = |of: &[(&str, &'static str)]| of.iter().find(|(one, _)| *one == name).map(|(_, why)| *why);
    if let Some(why) = why(&LOSSY) {
        return StdType::Lossy(why);
    }
    why(&SHARED).map_or(StdType::Unknown, StdType::Shared)
}

/// Whether a path begins in the standard library.
pub fn is_std(path: &[String]) -> bool {
    path.first()
        .is_some_and(|first| matches!(first.as_str(), "std" | "core" | "alloc"))
}

/// Whether an import of std is certainly not a trait.
pub fn is_no_trait(path: &[String]) -> bool {
    is_std(path)
        && path
            .last()
            .is_some_and(|last| !last.starts_with(char::is_uppercase) || classify(last) != StdType::Unknown)
}
