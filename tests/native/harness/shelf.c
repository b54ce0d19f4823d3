/* shelf.h: a table that grows and shrinks while readers look at it never takes from them what they are looking at.
 *
 * A small table of the store's shape: words of an index that tell slots, chunks of entries, an array of chunks.  For
 * each entry there are as many bytes in the index as in the chunks, so that one could take the other's place.  The last
 * word of each stretch tells the slot; it lies where an entry has its marks.
 */
#include "harness.h"
#include "entry.h"
#include "reading.h"
#include "shelf.h"

enum { WRITERS = 2, READERS = 2, CHUNK = 16, MOST_CHUNKS = 16, FULL = 3 };
enum { STRETCH = sizeof(fc_entry) / sizeof(uint32_t) };

/* Written plainly before it is published, and never again: keys are numbers, told by their places here. */
typedef struct {
    uint32_t key, version;
} value;

static char keys[CHUNK * MOST_CHUNKS];
static struct {
    fc_seqlock lock;
    fc_shelf shelf;
    uint32_t chunk_count; /* all keys below CHUNK times this are there */
    uint32_t twist;       /* slot of a key ^ key */
    uint32_t *index;      /* owned */
    fc_entry **chunks;    /* owned, like each of them */
    uint32_t versions[CHUNK * MOST_CHUNKS];
} table;
static value *values;
static int64_t values_used, writing, found, absent, refused;
static int emptied;

static size_t index_size(void) { return table.chunk_count * CHUNK * sizeof(fc_entry); }
static fc_entry *entry_at(uint32_t slot) { return &table.chunks[slot / CHUNK][slot % CHUNK]; }
static uint32_t *word_of(uint32_t key) { return &table.index[key * STRETCH + STRETCH - 1]; }

static value *new_value(uint32_t key)
{
    value *v = &values[values_used++];
    *v = (value){key, ++table.versions[key]};
    return v;
}

/* Gives up all memory, and takes some for another size. */
static void resize(uint32_t chunk_count)
{
    for (uint32_t n = 0; n < table.chunk_count; n++)
        fc_shelve_chunk(&table.shelf, table.chunks[n], CHUNK * sizeof(fc_entry));
    fc_shelve_words(&table.shelf, table.chunks, table.chunk_count * sizeof(fc_entry *));
    fc_shelve_words(&table.shelf, table.index, index_size());
    table.chunk_count = chunk_count;
    table.twist = (uint32_t)draw(CHUNK);
    table.index = fc_take_words(&table.shelf, index_size());
    table.chunks = fc_take_words(&table.shelf, chunk_count * sizeof(fc_entry *));
    for (size_t n = 0; n < index_size() / sizeof(uint32_t); n++)
        check(table.index[n] == 0, "a word that was taken is not zero");
    for (uint32_t n = 0; n < chunk_count; n++)
        table.chunks[n] = memset(fc_take_chunk(&table.shelf, CHUNK * sizeof(fc_entry)), 0, CHUNK * sizeof(fc_entry));
    for (uint32_t key = 0; key < chunk_count * CHUNK; key++) {
        fc_entry *e = entry_at(key ^ table.twist);
        e->key = (PyObject *)&keys[key];
        e->content = new_value(key);
        *word_of(key) = (key ^ table.twist) + 1;
        falter();
    }
}

/* Readers leave nothing but marks. */
static void recount(void)
{
    size_t bytes = 0;
    for (uint32_t key = 0; key < table.chunk_count * CHUNK; key++) {
        fc_entry *e = entry_at(key ^ table.twist);
        check(*word_of(key) == (key ^ table.twist) + 1, "the word of key %u is %u", key, *word_of(key));
        check(e->key == (PyObject *)&keys[key] && ((value *)e->content)->key == key, "the entry of key %u", key);
    }
    for (fc_block *block = table.shelf.chunks; block != NULL; block = block->next)
        bytes += block->size;
    for (fc_block *block = table.shelf.words; block != NULL; block = block->next)
        bytes += block->size;
    check(bytes == fc_shelf_bytes(&table.shelf), "%zu bytes, %zu told", bytes, fc_shelf_bytes(&table.shelf));
}

static int empty(PyObject *object, void *arg)
{
    (void)object;
    (void)arg;
    harness_stopped();
    emptied += fc_shelf_bytes(&table.shelf) > 0;
    fc_shelf_empty(&table.shelf);
    check(fc_shelf_bytes(&table.shelf) == 0 && table.shelf.chunks == NULL && table.shelf.words == NULL, "not empty");
    harness_going_on();
    return 0;
}

static void write_all(void)
{
    for (int n = 0; goes_on(n); n++) {
        fc_write_lock(&table.lock);
        if (draw(8) == 0) {
            resize(1 + (uint32_t)draw(draw(4) ? 2 : MOST_CHUNKS));
        } else {
            uint32_t key = (uint32_t)draw(table.chunk_count * CHUNK);
            entry_at(key ^ table.twist)->content = new_value(key);
        }
        if (n % 16 == 0)
            recount();
        fc_write_unlock(&table.lock);
        pass();
        linger();
        if (n % 256 == 255)
            fc_stop_world(empty, NULL);
    }
}

/* In the steps of reader.pxd; what was found, if that is certain: 1, 0, or -1. */
static int read_once(uint32_t key, uint32_t *versions)
{
    uint64_t sequence = fc_read_begin(&table.lock);
    if (!fc_read_allowed(sequence))
        return -1;
    uint32_t *index = see_pointer(&table.index), count = see_u32(&table.chunk_count);
    if (!fc_read_holds(&table.lock, sequence))
        return -1;
    if (key >= count * CHUNK)
        return 0;
    falter();
    uint32_t slot = see_u32(&index[key * STRETCH + STRETCH - 1]) - 1;
    fc_entry **chunks = see_pointer(&table.chunks);
    if (!fc_read_holds(&table.lock, sequence))
        return -1;
    check(slot / CHUNK < count, "slot %u of %u chunks", slot, count);
    falter();
    fc_entry *chunk = see_pointer(&chunks[slot / CHUNK]), *e = chunk + slot % CHUNK;
    if (!fc_read_holds(&table.lock, sequence))
        return -1;
    falter();
    char *stored = see_pointer(&e->key);
    value *content = see_pointer(&e->content);
    if (!fc_read_holds(&table.lock, sequence))
        return -1;
    check(stored == &keys[key], "another's key");
    check(content->key == key, "the value of key %u for %u", content->key, key);
    check(content->version >= versions[key], "key %u went back", key);
    versions[key] = content->version;
    falter();
    /* May come too late, and hit another entry. */
    uint8_t marks = see_u8(&e->marks);
    if (marks < FULL)
        leave_u8(&e->marks, marks + 1);
    return 1;
}

static void work(int number)
{
    uint32_t versions[CHUNK * MOST_CHUNKS] = {0};
    int64_t count[3] = {0};
    if (number < WRITERS) {
        write_all();
        __atomic_sub_fetch(&writing, 1, __ATOMIC_RELAXED);
        return;
    }
    while (__atomic_load_n(&writing, __ATOMIC_RELAXED) > 0) {
        int verdict = read_once((uint32_t)draw(draw(4) ? CHUNK : CHUNK * MOST_CHUNKS), versions);
        count[1 + verdict]++;
        if (verdict < 0 || draw(128) == 0)
            sched_yield();
        pass();
    }
    __atomic_add_fetch(&refused, count[0], __ATOMIC_RELAXED);
    __atomic_add_fetch(&absent, count[1], __ATOMIC_RELAXED);
    __atomic_add_fetch(&found, count[2], __ATOMIC_RELAXED);
}

/* What is taken is as large as was asked for, and what is set aside is used again, the last first. */
static void alone(void)
{
    fc_shelf shelf = {0};
    for (size_t size = 1; size < 3 * FC_PAGE; size = size * 5 / 3 + 1) {
        char *words = fc_take_words(&shelf, size), *chunk = fc_take_chunk(&shelf, size);
        memset(words, 1, size);
        memset(chunk, 1, size);
        fc_shelve_words(&shelf, words, size);
        fc_shelve_chunk(&shelf, chunk, size);
        check(fc_take_chunk(&shelf, size) == chunk && fc_take_words(&shelf, size) == words, "%zu bytes", size);
        for (size_t n = 0; n < size; n++)
            check(words[n] == 0, "byte %zu of %zu is not zero", n, size);
        fc_shelve_words(&shelf, words, size);
        fc_shelve_chunk(&shelf, chunk, size);
        check(fc_shelf_bytes(&shelf) >= 2 * size, "%zu bytes are told of", fc_shelf_bytes(&shelf));
    }
    /* A late mark may be left in what was a chunk. */
    char *chunk = fc_take_chunk(&shelf, 1000);
    fc_shelve_chunk(&shelf, chunk, 1000);
    char *words = fc_take_words(&shelf, 1000);
    check(words != chunk, "a chunk is taken for words");
    fc_shelve_words(&shelf, words, 1000);
    check(fc_take_chunk(&shelf, 1000) == chunk, "another chunk is taken, or words");
    fc_shelve_chunk(&shelf, chunk, 1000);
    fc_shelve_words(&shelf, NULL, 8);
    fc_shelf_empty(&shelf);
    check(fc_shelf_bytes(&shelf) == 0, "not empty");
}

static void drive(int effort)
{
    set_rounds(6000, effort);
    values = calloc((size_t)WRITERS * rounds * 60 + CHUNK * MOST_CHUNKS, sizeof *values);
    resize(1);
    writing = WRITERS;
    run_threads(WRITERS + READERS, work);
    recount();
    resize(1);
    empty(NULL, NULL);
    free(table.chunks[0]);
    free(table.chunks);
    free(table.index);
    free(values);
    alone();
    check(found > 0 && refused > 0 && emptied > 0, "%lld, %lld", (long long)found, (long long)refused);
    printf("%lld values written, %lld found, %lld reads of what was absent, %lld refused; emptied %d times\n",
        (long long)values_used, (long long)found, (long long)absent, (long long)refused, emptied);
}

HARNESS(shelf)
