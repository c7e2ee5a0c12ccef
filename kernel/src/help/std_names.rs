//! Names of the standard library and of Cellar's own crate that are offered without rust-analyzer. Lists are
//! words between blanks.

/// In scope everywhere, by kind.
pub(super) const PRELUDE: &[(&str, &str)] = &[
    ("struct", "String Vec Box"),
    ("enum", "Option Result"),
    ("variant", "Some None Ok Err"),
    (
        "trait",
        "Clone Copy Send Sync Sized Drop Fn FnMut FnOnce Default Debug PartialEq Eq PartialOrd Ord \
         Hash Iterator IntoIterator Extend DoubleEndedIterator ExactSizeIterator FromIterator From \
         Into TryFrom TryInto AsRef AsMut ToOwned ToString",
    ),
    ("function", "drop"),
    (
        "type",
        "bool char str i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64",
    ),
    ("module", "std core alloc cellar"),
];

/// Macros, without `!`.
pub(super) const MACROS: &str = "println print eprintln eprint format write writeln vec panic assert assert_eq assert_ne \
         debug_assert debug_assert_eq debug_assert_ne dbg todo unimplemented unreachable matches \
         include_str include_bytes env option_env concat stringify line file column cfg compile_error \
         thread_local";

/// What stands behind `path::`. A path is written as users write it; the last segment alone is found too,
/// because `use` shortens paths.
pub(super) const PATHS: &[(&str, &str)] = &[
    (
        "std",
        "collections fs io env fmt iter mem net path process rc cell str string sync thread time vec \
         error num ops cmp convert hash hint any array ascii borrow boxed char f64 f32 ffi future \
         marker option os panic pin ptr result slice task ops default",
    ),
    (
        "std::collections",
        "HashMap BTreeMap HashSet BTreeSet VecDeque BinaryHeap LinkedList hash_map btree_map",
    ),
    (
        "std::fs",
        "read_to_string read write File OpenOptions create_dir create_dir_all remove_file \
         remove_dir_all read_dir copy rename metadata canonicalize",
    ),
    (
        "std::io",
        "Read Write BufRead BufReader BufWriter stdin stdout stderr Error ErrorKind Result Cursor \
         Seek SeekFrom copy read_to_string",
    ),
    (
        "std::env",
        "var vars args current_dir set_current_dir set_var temp_dir home_dir",
    ),
    ("std::fmt", "Debug Display Formatter Write Result Error Arguments"),
    (
        "std::iter",
        "once repeat repeat_with from_fn successors zip empty Peekable Sum Product",
    ),
    (
        "std::mem",
        "swap replace take drop size_of size_of_val forget discriminant",
    ),
    ("std::path", "Path PathBuf Component"),
    ("std::process", "Command Stdio exit abort id Output ExitCode"),
    ("std::rc", "Rc Weak"),
    ("std::cell", "Cell RefCell OnceCell LazyCell UnsafeCell"),
    (
        "std::sync",
        "Arc Mutex RwLock OnceLock LazyLock Condvar Barrier Once Weak atomic mpsc",
    ),
    (
        "std::sync::atomic",
        "AtomicBool AtomicUsize AtomicU64 AtomicI64 AtomicU32 Ordering",
    ),
    ("std::sync::mpsc", "channel sync_channel Sender Receiver"),
    (
        "std::thread",
        "spawn sleep scope current JoinHandle available_parallelism yield_now Builder",
    ),
    ("std::time", "Duration Instant SystemTime UNIX_EPOCH"),
    ("std::error", "Error"),
    (
        "std::ops",
        "Add Sub Mul Div Rem Neg Not Index IndexMut Deref DerefMut Drop Range RangeInclusive \
         ControlFlow AddAssign Fn FnMut FnOnce",
    ),
    ("std::cmp", "Ordering Reverse max min PartialOrd Ord PartialEq Eq"),
    ("std::hint", "black_box spin_loop unreachable_unchecked"),
    ("std::f64::consts", "PI E TAU SQRT_2 LN_2 LN_10 FRAC_PI_2"),
    ("Vec", "new with_capacity from from_iter"),
    ("VecDeque", "new with_capacity from from_iter"),
    (
        "String",
        "new with_capacity from from_utf8 from_utf8_lossy from_iter",
    ),
    ("Box", "new pin leak from into_raw from_raw"),
    (
        "Rc",
        "new clone strong_count ptr_eq downgrade try_unwrap make_mut get_mut",
    ),
    (
        "Arc",
        "new clone strong_count ptr_eq downgrade try_unwrap make_mut get_mut",
    ),
    ("Mutex", "new"),
    ("RwLock", "new"),
    ("RefCell", "new"),
    ("Cell", "new"),
    ("OnceLock", "new"),
    ("HashMap", "new with_capacity from from_iter"),
    ("BTreeMap", "new from from_iter"),
    ("HashSet", "new with_capacity from from_iter"),
    ("BTreeSet", "new from from_iter"),
    ("BinaryHeap", "new from from_iter"),
    ("Option", "Some None"),
    ("Result", "Ok Err"),
    ("Ordering", "Less Equal Greater SeqCst Relaxed"),
    (
        "Duration",
        "from_secs from_millis from_micros from_nanos from_secs_f64 ZERO MAX",
    ),
    ("Instant", "now"),
    ("SystemTime", "now UNIX_EPOCH"),
    ("PathBuf", "new from"),
    ("Path", "new"),
    ("File", "open create options"),
    ("Command", "new"),
    ("Default", "default"),
    ("i32", INTEGER),
    ("i64", INTEGER),
    ("u8", INTEGER),
    ("u16", INTEGER),
    ("u32", INTEGER),
    ("u64", INTEGER),
    ("usize", INTEGER),
    ("isize", INTEGER),
    ("i8", INTEGER),
    ("i16", INTEGER),
    ("i128", INTEGER),
    ("u128", INTEGER),
    ("f64", FLOAT),
    ("f32", FLOAT),
    ("char", "from_u32 from_digit MAX from"),
    (
        "cellar",
        "display html markdown svg png jpeg latex json clear_output progress session params \
         cache_data cache_resource Resource",
    ),
    (
        "cellar::session",
        "set get get_or get_or_insert_with contains remove keys clear update",
    ),
    (
        "cellar::params",
        "get get_all get_as get_or set set_all remove keys contains to_map from_map clear",
    ),
    ("cellar::cache_data", "clear"),
    ("cellar::cache_resource", "clear"),
];

const INTEGER: &str = "MIN MAX BITS from_str_radix from try_from from_le_bytes from_be_bytes";
const FLOAT: &str = "MIN MAX INFINITY NEG_INFINITY NAN EPSILON consts from from_bits";

/// Methods by the base name of a type, and the type whose methods it has besides.
pub(super) const METHODS: &[(&str, Option<&str>, &str)] = &[
    (
        "Vec",
        Some("slice"),
        "push pop insert remove extend extend_from_slice append clear truncate retain dedup \
         dedup_by_key drain capacity reserve resize swap_remove as_slice as_mut_slice into_iter \
         into_boxed_slice split_off shrink_to_fit",
    ),
    (
        "slice",
        Some("any"),
        "len is_empty iter iter_mut first last get get_mut contains sort sort_by sort_by_key \
         sort_unstable binary_search reverse windows chunks chunks_exact split_at concat join to_vec \
         starts_with ends_with swap fill copy_from_slice rotate_left repeat split_first split_last",
    ),
    (
        "VecDeque",
        Some("any"),
        "push_back push_front pop_back pop_front front back len is_empty iter iter_mut get clear \
         extend contains make_contiguous drain",
    ),
    (
        "String",
        Some("str"),
        "push push_str pop insert insert_str remove clear truncate capacity as_str into_bytes retain \
         drain reserve extend",
    ),
    (
        "str",
        Some("any"),
        "len is_empty chars char_indices bytes as_bytes lines split split_whitespace split_once \
         rsplit_once splitn rsplit trim trim_start trim_end trim_matches contains starts_with \
         ends_with find rfind replace replacen to_lowercase to_uppercase to_ascii_lowercase parse \
         repeat strip_prefix strip_suffix get matches eq_ignore_ascii_case is_char_boundary",
    ),
    (
        "Option",
        Some("any"),
        "is_some is_none is_some_and unwrap expect unwrap_or unwrap_or_else unwrap_or_default map \
         map_or map_or_else and_then or or_else filter ok_or ok_or_else as_ref as_mut as_deref take \
         replace get_or_insert_with insert iter flatten zip copied cloned inspect",
    ),
    (
        "Result",
        Some("any"),
        "is_ok is_err is_ok_and unwrap expect unwrap_or unwrap_or_else unwrap_or_default unwrap_err \
         map map_err map_or and_then or_else ok err as_ref as_mut iter inspect inspect_err copied \
         cloned",
    ),
    ("HashMap", Some("map"), "capacity drain reserve"),
    (
        "BTreeMap",
        Some("map"),
        "range first_key_value last_key_value pop_first pop_last split_off",
    ),
    (
        "map",
        Some("any"),
        "insert get get_mut get_or_insert_with contains_key remove entry keys values values_mut iter \
         iter_mut into_iter into_keys into_values len is_empty clear extend retain get_key_value \
         remove_entry",
    ),
    ("HashSet", Some("set"), "capacity drain reserve"),
    ("BTreeSet", Some("set"), "range first last pop_first pop_last"),
    (
        "set",
        Some("any"),
        "insert contains remove get take iter into_iter len is_empty clear extend retain union \
         intersection difference symmetric_difference is_subset is_superset is_disjoint",
    ),
    (
        "iterator",
        Some("any"),
        "next map filter filter_map flat_map flatten enumerate zip chain take skip take_while \
         skip_while map_while step_by rev peekable fold reduce for_each sum product count min max \
         min_by_key max_by_key min_by max_by any all find find_map position collect cloned copied \
         cycle last nth partition unzip scan inspect by_ref size_hint try_fold",
    ),
    ("Range", Some("iterator"), "contains start end is_empty"),
    ("RangeInclusive", Some("iterator"), "contains start end is_empty"),
    (
        "integer",
        Some("any"),
        "abs pow checked_add checked_sub checked_mul checked_div wrapping_add wrapping_sub \
         wrapping_mul saturating_add saturating_sub saturating_mul overflowing_add min max clamp \
         count_ones leading_zeros trailing_zeros is_positive is_negative signum rem_euclid div_euclid \
         isqrt ilog2 ilog10 to_le_bytes to_be_bytes swap_bytes rotate_left abs_diff is_power_of_two \
         next_power_of_two",
    ),
    (
        "float",
        Some("any"),
        "abs sqrt cbrt powi powf exp ln log log2 log10 sin cos tan asin acos atan atan2 sinh cosh \
         tanh floor ceil round trunc fract min max clamp hypot mul_add is_nan is_finite is_infinite \
         signum to_degrees to_radians to_bits total_cmp recip rem_euclid",
    ),
    ("bool", Some("any"), "then then_some not"),
    (
        "char",
        Some("any"),
        "is_alphabetic is_numeric is_alphanumeric is_whitespace is_uppercase is_lowercase is_ascii \
         is_ascii_digit is_ascii_alphabetic is_digit to_digit to_uppercase to_lowercase \
         to_ascii_uppercase to_ascii_lowercase len_utf8",
    ),
    ("Box", Some("any"), "as_ref as_mut"),
    ("Rc", Some("any"), "as_ref"),
    ("Arc", Some("any"), "as_ref"),
    (
        "Mutex",
        Some("any"),
        "lock try_lock into_inner get_mut is_poisoned",
    ),
    ("RwLock", Some("any"), "read write try_read try_write into_inner"),
    (
        "RefCell",
        Some("any"),
        "borrow borrow_mut try_borrow replace into_inner",
    ),
    ("Cell", Some("any"), "get set replace take update"),
    (
        "PathBuf",
        Some("Path"),
        "push pop set_extension set_file_name as_path",
    ),
    (
        "Path",
        Some("any"),
        "join exists is_file is_dir file_name file_stem extension parent display to_str \
         to_string_lossy to_path_buf with_extension components read_dir canonicalize metadata",
    ),
    (
        "Duration",
        Some("any"),
        "as_secs as_secs_f64 as_millis as_micros as_nanos subsec_millis checked_add saturating_sub \
         mul_f64 is_zero",
    ),
    ("Instant", Some("any"), "elapsed duration_since checked_add"),
    (
        "any",
        None,
        "clone to_owned to_string into try_into borrow eq cmp partial_cmp hash",
    ),
];

/// The entry of [`METHODS`] that a type's base name stands for.
pub(super) fn methods_key(base: &str) -> &str {
    match base {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            "integer"
        }
        "f32" | "f64" => "float",
        "Iter" | "IntoIter" | "Map" | "Filter" | "Enumerate" | "Zip" | "Rev" | "Chars" | "Lines" => {
            "iterator"
        }
        other => other,
    }
}

/// Methods of a type by its base name; only those of every type if it is not in the table.
pub(super) fn methods(base: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut key = Some(methods_key(base));
    if !METHODS.iter().any(|(name, ..)| Some(*name) == key) {
        key = Some("any");
    }
    while let Some((_, parent, own)) = key.and_then(|key| METHODS.iter().find(|(name, ..)| *name == key)) {
        for name in own.split(' ') {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        key = *parent;
    }
    names
}
