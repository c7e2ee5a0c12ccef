"""A store that was damaged, emptied or cannot be written is a slow store: cells run, and no value is wrong."""

import os
import shutil
import sqlite3
import stat
import subprocess

import pytest

CELLS = {"damaged_rows": "let damaged_rows: Vec<u64> = (0..5000).collect();", "damaged_text": 'let damaged_text = "abc".repeat(3000);'}


def checks(book):
    assert book.show("(damaged_rows.iter().sum::<u64>(), damaged_rows.len(), damaged_text.len())") == "(12497500, 5000, 9000)"
    assert book.show('damaged_text == "abc".repeat(3000)') == "true"


@pytest.fixture
def store(new_book, own_cache):
    """A store with two entries; no kernel uses it."""
    book = new_book(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
    for cell in CELLS.values():
        book.miss(cell)
    book.end()
    return own_cache / "store"


def blobs(store):
    """The values; compiled cells are there as well."""
    found = [path for path in store.rglob("*") if path.is_file() and "blobs" in path.parts]
    found = [path for path in found if not path.read_bytes().startswith(b"\x7fELF")]
    assert len(found) == 2, found
    return found


def rewritten(path, content):
    path.chmod(0o600)
    path.write_bytes(content)


def flip(store):
    for path in blobs(store):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0x10
        rewritten(path, content)


def flip_the_last_byte(store):
    for path in blobs(store):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        rewritten(path, content)


def truncate(store):
    for path in blobs(store):
        rewritten(path, path.read_bytes()[:1000])


def empty(store):
    for path in blobs(store):
        rewritten(path, b"")


def swap(store):
    one, other = blobs(store)
    first, second = one.read_bytes(), other.read_bytes()
    rewritten(one, second)
    rewritten(other, first)


def delete(store):
    for path in blobs(store):
        path.unlink()


def delete_one(store):
    blobs(store)[0].unlink()


def index(store):
    (found,) = store.rglob("index-*.db")
    for beside in store.rglob("index-*.db-*"):
        beside.unlink()
    return found


def empty_index(store):
    rewritten(index(store), b"")


def noise_in_the_index(store):
    rewritten(index(store), os.urandom(8192))


def half_of_the_index(store):
    path = index(store)
    rewritten(path, path.read_bytes()[:-3000])


def delete_the_index(store):
    index(store).unlink()


def a_folder_for_a_blob(store):
    path = blobs(store)[0]
    path.unlink()
    path.mkdir()


def changed_index(store, statement):
    (path,) = store.rglob("index-*.db")
    connection = sqlite3.connect(path)
    (entries,) = connection.execute("SELECT count(*) FROM entries").fetchone()
    assert entries > 2, "two values and compiled cells"
    with connection:
        connection.execute(statement)
    connection.close()


def another_version_of_the_index(store):
    changed_index(store, "PRAGMA user_version = 999")


def no_entry_that_can_be_read(store):
    changed_index(store, "UPDATE entries SET record = x'00ff00ff'")


def a_blob_that_nobody_may_read(store):
    for path in blobs(store):
        path.unlink()
        path.symlink_to("/dev/full/nothing")


def delete_all(store):
    shutil.rmtree(store)


def a_file_for_the_store(store):
    shutil.rmtree(store)
    store.write_text("no folder")


DAMAGES = [
    flip,
    flip_the_last_byte,
    truncate,
    empty,
    swap,
    delete,
    delete_one,
    empty_index,
    noise_in_the_index,
    half_of_the_index,
    delete_the_index,
    a_folder_for_a_blob,
    another_version_of_the_index,
    no_entry_that_can_be_read,
    a_blob_that_nobody_may_read,
    delete_all,
    a_file_for_the_store,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_no_value_is_wrong(store, new_book, own_cache, damage):
    damage(store)
    book = new_book(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
    for name, cell in CELLS.items():
        book.run(cell)
        book.show(f"{name}.len()")
    checks(book)
    # And what was made anew is kept, as far as there is a place for it.
    for cell in CELLS.values():
        book.hit(cell)
    checks(book)


@pytest.mark.parametrize("damage", [flip, truncate, empty, delete, a_folder_for_a_blob], ids=lambda damage: damage.__name__)
def test_a_damaged_value_is_a_miss_with_one_warning(store, new_book, own_cache, damage):
    damage(store)
    bad = 1 if damage is a_folder_for_a_blob else 2
    book = new_book(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
    results = [book.run(cell) for cell in CELLS.values()]
    assert sum(ran for _, ran in results) == bad
    for result, ran in results:
        assert result.stderr.count("was damaged") == ran, result
        assert ("and is removed; it will be computed again" in result.stderr) == ran
    checks(book)
    for cell in CELLS.values():
        assert book.hit(cell).stderr == ""


LARGE = "let damaged_large: Vec<u64> = (0..1_000_000).collect();"


def test_a_large_value_is_found_to_be_damaged_when_it_is_needed(new_book, own_cache):
    """Reading it for each hit would take longer than the hit."""
    environment = {"CELLAR_CACHE_DIR": str(own_cache)}
    book = new_book(extra_env=environment)
    book.miss(LARGE)
    book.end()
    for path in (own_cache / "store").rglob("blobs/*/*"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        rewritten(path, content)
    book = new_book(extra_env=environment)
    book.hit(LARGE)
    # A cell that does not need it runs.
    book.ok("let beside = 1;")
    looked = book.kernel.fails("damaged_large[500_000]")
    assert "`damaged_large` came from the cache" in looked.evalue and "again" in looked.evalue
    assert book.ok("1 + 1").stderr.count("was damaged") == 1
    book.miss(LARGE)
    assert book.show("(damaged_large[500_000], damaged_large.iter().sum::<u64>())") == "(500000, 499999500000)"
    book.hit(LARGE)


def test_a_damaged_value_of_which_the_cell_makes_another(new_book, own_cache):
    """The cell that makes it anew is in nobody's way, whatever it makes."""
    environment = {"CELLAR_CACHE_DIR": str(own_cache)}
    book = new_book(extra_env=environment)
    book.miss(LARGE)
    book.end()
    for path in (own_cache / "store").rglob("blobs/*/*"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        rewritten(path, content)
    book = new_book(extra_env=environment)
    book.hit(LARGE)
    book.kernel.fails("damaged_large.len()")
    book.ok('let damaged_large = "new";')
    assert book.show("damaged_large") == '"new"'


def test_the_folder_is_nobody_elses(store):
    assert stat.S_IMODE(store.stat().st_mode) == 0o700


def test_the_store_is_deleted_while_a_kernel_uses_it(new_book, own_cache):
    book = new_book(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
    book.miss(CELLS["damaged_rows"])
    book.miss(CELLS["damaged_text"])
    book.ok("%cache list")
    shutil.rmtree(own_cache / "store")
    for cell in CELLS.values():
        book.run(cell)
    checks(book)


def test_a_full_disk(new_book, own_cache, tmp_path):
    """Nothing can be kept, and no cell fails for it."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    store = own_cache / "store"
    store.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(store)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        book = new_book(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
        cell = "let too_large: Vec<u64> = (0..1_000_000).collect();"
        said = book.miss(cell).stderr + book.late()
        assert "too_large" in said and "No space left" in said, said
        assert book.show("too_large[999_999]") == "999999"
        book.miss(cell)
        assert book.show("too_large[7]") == "7"
        book.end()
    finally:
        subprocess.run(["umount", "-l", str(store)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(new_book, own_cache):
    own_cache.chmod(0o500)
    try:
        book = new_book(extra_env={"CELLAR_CACHE_DIR": str(own_cache)})
        for cell in CELLS.values():
            book.miss(cell)
        checks(book)
    finally:
        own_cache.chmod(0o700)
