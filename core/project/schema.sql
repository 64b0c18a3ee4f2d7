-- Schema 3 of a Flawscope project. Times are UTC as ISO 8601 text; JSON is canonical text; hashes are 32 raw bytes.
-- A column is never dropped or given another meaning: migrations.py adds, and a file of every version stays in the tests.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL                                  -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE person (
    initials TEXT PRIMARY KEY,
    name TEXT NOT NULL DEFAULT '',
    role TEXT NOT NULL DEFAULT 'engineer' CHECK (role IN ('operator', 'engineer', 'approver', 'admin')),
    secret TEXT NOT NULL DEFAULT '',                     -- argon2id, empty in open mode
    active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1))
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------- audit

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    utc_offset INTEGER NOT NULL,                         -- minutes east of UTC where the change was made
    elapsed REAL NOT NULL,                               -- s since this process's row before, monotonic clock
    who TEXT NOT NULL,
    account TEXT NOT NULL,
    workstation TEXT NOT NULL,
    version TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_id INTEGER,
    before TEXT,                                         -- JSON
    after TEXT,                                          -- JSON
    reason TEXT NOT NULL DEFAULT '',
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_subject ON audit (subject, subject_id);

CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_append BEFORE INSERT ON audit
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit)
BEGIN
    SELECT RAISE(ABORT, 'the audit trail is append-only');
END;

CREATE TABLE audit_review (                              -- "reviewed up to row n by ..."
    id INTEGER PRIMARY KEY,
    up_to INTEGER NOT NULL REFERENCES audit (seq),
    who TEXT NOT NULL,
    at TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE signature (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    record_hash BLOB NOT NULL CHECK (length(record_hash) = 32),
    meaning TEXT NOT NULL,
    who TEXT NOT NULL,
    at TEXT NOT NULL
) STRICT;

CREATE TABLE undo (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    label TEXT NOT NULL,                                 -- what the menu says
    subject TEXT NOT NULL,                               -- the table
    image_id INTEGER,                                    -- set when one image alone is concerned
    state TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'undone', 'dropped')),
    changes BLOB NOT NULL                                -- zlib of JSON, see undo.py
) STRICT;
CREATE INDEX undo_state ON undo (state, id);

-- ---------------------------------------------------------------- what is inspected

CREATE TABLE root (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,                           -- posix; relative to the project's folder when relative = 1
    relative INTEGER NOT NULL CHECK (relative IN (0, 1))
) STRICT;

CREATE TABLE product (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE view (
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES product (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL DEFAULT '',
    window_low REAL,                                     -- 16-bit views: raw values shown as 0 and 255
    window_high REAL,
    scale_um REAL,                                       -- micrometres a pixel
    width INTEGER,                                       -- what an image of this view should measure
    height INTEGER,
    settings TEXT NOT NULL DEFAULT '{}',                 -- JSON: whatever else preprocessing fixes per view
    UNIQUE (product_id, code)
) STRICT;

CREATE TABLE lot (
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES product (id),
    code TEXT NOT NULL,                                  -- '' = lot not known
    made TEXT,
    note TEXT NOT NULL DEFAULT '',
    UNIQUE (product_id, code)
) STRICT;

CREATE TABLE part (
    id INTEGER PRIMARY KEY,
    lot_id INTEGER NOT NULL REFERENCES lot (id),
    code TEXT NOT NULL,
    station TEXT NOT NULL DEFAULT '',
    shift TEXT NOT NULL DEFAULT '',
    made TEXT,
    UNIQUE (lot_id, code)
) STRICT;

CREATE TABLE defect_class (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 254), -- the value in a label mask; 0 = no defect, 255 = not judged
    code TEXT NOT NULL UNIQUE,
    names TEXT NOT NULL DEFAULT '{}',                    -- JSON: language -> name
    colour TEXT NOT NULL,                                -- #rrggbb
    position INTEGER NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    retired INTEGER NOT NULL DEFAULT 0 CHECK (retired IN (0, 1)),
    merged_into INTEGER REFERENCES defect_class (id)
) STRICT;

CREATE TABLE image (
    id INTEGER PRIMARY KEY,
    view_id INTEGER NOT NULL REFERENCES view (id),
    part_id INTEGER NOT NULL REFERENCES part (id),
    root_id INTEGER NOT NULL REFERENCES root (id),
    path TEXT NOT NULL,                                  -- posix, relative to the root
    size INTEGER,
    mtime_ns INTEGER,
    sha256 BLOB CHECK (sha256 IS NULL OR length(sha256) = 32),
    pixels_sha256 BLOB CHECK (pixels_sha256 IS NULL OR length(pixels_sha256) = 32),
    phash INTEGER,                                       -- for the list of similar images
    width INTEGER,
    height INTEGER,
    channels INTEGER,
    bits INTEGER,
    camera TEXT NOT NULL DEFAULT '',
    taken TEXT,
    split TEXT NOT NULL DEFAULT 'unused' CHECK (split IN ('train', 'tuning', 'test', 'unused')),
    label TEXT NOT NULL DEFAULT 'unlabelled' CHECK (label IN ('good', 'defective', 'unlabelled')),
    class_id INTEGER REFERENCES defect_class (id),
    state TEXT NOT NULL DEFAULT 'present' CHECK (state IN ('present', 'changed', 'gone')),
    problem TEXT NOT NULL DEFAULT '',
    UNIQUE (root_id, path, view_id)
) STRICT;
CREATE INDEX image_part ON image (part_id);
CREATE INDEX image_split ON image (view_id, split, label);
CREATE INDEX image_sha256 ON image (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX image_unhashed ON image (id) WHERE sha256 IS NULL;

CREATE TABLE class_example (                             -- the defect book: examples and limit samples
    id INTEGER PRIMARY KEY,
    class_id INTEGER NOT NULL REFERENCES defect_class (id),
    image_id INTEGER NOT NULL REFERENCES image (id),
    kind TEXT NOT NULL CHECK (kind IN ('example', 'limit_good', 'limit_defective')),
    x0 INTEGER, y0 INTEGER, x1 INTEGER, y1 INTEGER,
    note TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE problem (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    path TEXT NOT NULL,
    text TEXT NOT NULL,
    image_id INTEGER REFERENCES image (id),
    solved INTEGER NOT NULL DEFAULT 0 CHECK (solved IN (0, 1))
) STRICT;

CREATE TABLE import (
    id INTEGER PRIMARY KEY,
    root_id INTEGER NOT NULL REFERENCES root (id),
    at TEXT NOT NULL,
    source TEXT NOT NULL,
    counts TEXT NOT NULL,                                -- JSON: new, changed, known, gone
    digest BLOB NOT NULL CHECK (length(digest) = 32)     -- SHA-256 over the rows as they came
) STRICT;

CREATE TABLE revision (                                  -- what a training or a figure rests on
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES product (id),
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    images INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    members BLOB NOT NULL,                               -- zlib of rows (image id, split, label, class), see revisions.py
    reason TEXT NOT NULL DEFAULT '',
    UNIQUE (product_id, number)
) STRICT;

-- ---------------------------------------------------------------- regions of interest

CREATE TABLE roi_version (
    id INTEGER PRIMARY KEY,
    view_id INTEGER NOT NULL REFERENCES view (id),
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    template_image_id INTEGER REFERENCES image (id),
    settings TEXT NOT NULL DEFAULT '{}',                 -- JSON: how images are aligned to the template
    reason TEXT NOT NULL DEFAULT '',
    withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1)), -- since 2: undone, the version before counts
    UNIQUE (view_id, number)
) STRICT;

CREATE TABLE zone (
    id INTEGER PRIMARY KEY,
    roi_version_id INTEGER NOT NULL REFERENCES roi_version (id),
    image_id INTEGER REFERENCES image (id),              -- NULL = the template's; else only for this image
    name TEXT NOT NULL,
    sign TEXT NOT NULL CHECK (sign IN ('inspect', 'ignore')),
    shape TEXT NOT NULL DEFAULT '{}',                    -- JSON: rectangle or polygon in template pixels
    mask BLOB REFERENCES blob (sha256),                  -- or a painted mask
    position INTEGER NOT NULL
) STRICT;
CREATE INDEX zone_version ON zone (roi_version_id, image_id);

CREATE TABLE cell (                                      -- one image, many parts: a strip's vials
    id INTEGER PRIMARY KEY,
    roi_version_id INTEGER NOT NULL REFERENCES roi_version (id),
    name TEXT NOT NULL,
    x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
    position INTEGER NOT NULL,
    UNIQUE (roi_version_id, name)
) STRICT;

CREATE TABLE alignment (                                 -- template pixels -> image pixels
    image_id INTEGER NOT NULL REFERENCES image (id),
    roi_version_id INTEGER NOT NULL REFERENCES roi_version (id),
    matrix BLOB NOT NULL CHECK (length(matrix) = 48),    -- 2x3 float64, little endian, row by row
    confidence REAL,
    method TEXT NOT NULL DEFAULT '',
    origin TEXT NOT NULL CHECK (origin IN ('person', 'model', 'import')),
    PRIMARY KEY (image_id, roi_version_id)
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------- annotations

CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    data BLOB NOT NULL
) STRICT;
CREATE TRIGGER blob_no_update BEFORE UPDATE ON blob BEGIN
    SELECT RAISE(ABORT, 'stored masks are never changed');
END;

CREATE TABLE layer (                                     -- origins never mix: one layer an image, origin and author
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES image (id),
    kind TEXT NOT NULL DEFAULT 'defect' CHECK (kind IN ('defect', 'roi')),
    origin TEXT NOT NULL CHECK (origin IN ('person', 'model', 'import')),
    author TEXT NOT NULL,
    run_id INTEGER REFERENCES run (id),
    changed TEXT NOT NULL,
    UNIQUE (image_id, kind, origin, author)
) STRICT;

CREATE TABLE mask_group (                                -- since 3: snapshots that came in one step, and go with its undo
    id INTEGER PRIMARY KEY,
    changed TEXT NOT NULL,                               -- when it came, or was withdrawn or brought back last
    who TEXT NOT NULL,
    source TEXT NOT NULL DEFAULT '',                     -- what was imported; '' = a person went on from another's mask
    withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1))
) STRICT;

CREATE TABLE snapshot (
    id INTEGER PRIMARY KEY,
    layer_id INTEGER NOT NULL REFERENCES layer (id),
    sha256 BLOB NOT NULL REFERENCES blob (sha256),
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    pixels INTEGER NOT NULL,                             -- painted ones
    at TEXT NOT NULL,
    group_id INTEGER REFERENCES mask_group (id),         -- since 3: while that is withdrawn, the one before counts
    conflict TEXT NOT NULL DEFAULT '' CHECK (conflict IN ('', 'open', 'mine', 'theirs', 'both')) -- since 3, of imported
) STRICT;
CREATE INDEX snapshot_layer ON snapshot (layer_id, id);
CREATE INDEX snapshot_conflict ON snapshot (layer_id) WHERE conflict <> '';

CREATE TABLE stroke (
    id INTEGER PRIMARY KEY,
    layer_id INTEGER NOT NULL REFERENCES layer (id),
    seq INTEGER NOT NULL,
    tool TEXT NOT NULL,
    class_id INTEGER,                                    -- 0 erases
    x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
    delta BLOB NOT NULL,                                 -- masks.pack_delta: old XOR new inside the box
    at TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'undone', 'dropped')),
    folded INTEGER NOT NULL DEFAULT 0 CHECK (folded IN (0, 1)), -- 1: the layer's last snapshot holds it
    UNIQUE (layer_id, seq)
) STRICT;

-- ---------------------------------------------------------------- trainings and scores

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,                      -- "Training #12"
    product_id INTEGER NOT NULL REFERENCES product (id),
    view_id INTEGER REFERENCES view (id),
    name TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL,
    preset TEXT NOT NULL DEFAULT '',
    config TEXT NOT NULL DEFAULT '{}',                   -- JSON
    seed INTEGER NOT NULL DEFAULT 0,
    folder TEXT NOT NULL,                                -- posix, relative to the project's folder
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'starting', 'running', 'paused', 'stopping',
        'finished', 'stopped', 'failed', 'interrupted', 'discarded')),
    position INTEGER NOT NULL DEFAULT 0,                 -- in tonight's queue
    stop_by TEXT,
    revision_id INTEGER REFERENCES revision (id),
    roi_version_id INTEGER REFERENCES roi_version (id),
    parent_id INTEGER REFERENCES run (id),
    created TEXT NOT NULL,
    started TEXT,
    finished TEXT,
    error TEXT NOT NULL DEFAULT '',
    figures TEXT NOT NULL DEFAULT '{}',                  -- JSON
    environment TEXT NOT NULL DEFAULT '{}'               -- JSON: versions, device, what was not deterministic
) STRICT;

CREATE TABLE scoring (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id),
    purpose TEXT NOT NULL DEFAULT 'training',            -- training | lot | check_set | again
    settings TEXT NOT NULL DEFAULT '{}',                 -- JSON: passes, gate, weights, scale of the maps
    revision_id INTEGER REFERENCES revision (id),
    roi_version_id INTEGER REFERENCES roi_version (id),
    folder TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL,
    finished TEXT,
    figures TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX scoring_run ON scoring (run_id);

CREATE TABLE score (
    scoring_id INTEGER NOT NULL REFERENCES scoring (id),
    image_id INTEGER NOT NULL REFERENCES image (id),
    scope TEXT NOT NULL DEFAULT 'image' CHECK (scope IN ('image', 'crop', 'cell', 'zone')),
    name TEXT NOT NULL DEFAULT '',                       -- of the cell or zone; number of the crop
    x0 INTEGER, y0 INTEGER, x1 INTEGER, y1 INTEGER,
    score REAL,                                          -- NULL when the image could not be scored
    peak REAL,
    first REAL,
    gated INTEGER NOT NULL DEFAULT 0,
    passes INTEGER NOT NULL DEFAULT 1,
    ms REAL,
    areas BLOB CHECK (areas IS NULL OR length(areas) = 256), -- 64 int32, little endian
    heatmap TEXT NOT NULL DEFAULT '',                    -- file in the scoring's folder, '' = recomputed on demand
    problem TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (scoring_id, image_id, scope, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX score_image ON score (image_id);

-- ---------------------------------------------------------------- judgement

CREATE TABLE decision (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id),
    version INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'approved', 'online', 'retired')),
    threshold REAL NOT NULL,
    recheck_low REAL,
    recheck_high REAL,
    min_area INTEGER NOT NULL DEFAULT 0,                 -- px
    roi_version_id INTEGER REFERENCES roi_version (id),
    passes INTEGER NOT NULL DEFAULT 1,
    gate REAL,
    scoring_id INTEGER REFERENCES scoring (id),
    how TEXT NOT NULL DEFAULT '{}',                      -- JSON: rule, from which split, n, counts
    settings TEXT NOT NULL DEFAULT '{}',                 -- JSON: per cell, per class, whatever else
    optimistic INTEGER NOT NULL DEFAULT 0 CHECK (optimistic IN (0, 1)),
    parent_id INTEGER REFERENCES decision (id),
    author TEXT NOT NULL,
    created TEXT NOT NULL,
    approved_by TEXT NOT NULL DEFAULT '',
    approved_at TEXT,
    reason TEXT NOT NULL DEFAULT '',
    UNIQUE (run_id, version)
) STRICT;
CREATE TRIGGER decision_fixed BEFORE UPDATE OF run_id, version, threshold, recheck_low, recheck_high, min_area,
    roi_version_id, passes, gate, scoring_id, how, settings, parent_id, author, created ON decision
BEGIN
    SELECT RAISE(ABORT, 'decision settings are never edited: an edit makes the next version');
END;

CREATE TABLE judgement (
    decision_id INTEGER NOT NULL REFERENCES decision (id),
    scoring_id INTEGER NOT NULL REFERENCES scoring (id),
    image_id INTEGER NOT NULL REFERENCES image (id),
    name TEXT NOT NULL DEFAULT '',                       -- of the cell, '' = the whole image
    judgement TEXT NOT NULL CHECK (judgement IN ('pass', 'recheck', 'reject', 'not_inspectable')),
    why TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (decision_id, scoring_id, image_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict (
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES image (id),
    cell TEXT NOT NULL DEFAULT '',
    verdict TEXT NOT NULL CHECK (verdict IN ('good', 'defective', 'unsure')),
    class_id INTEGER REFERENCES defect_class (id),
    who TEXT NOT NULL,
    at TEXT NOT NULL,
    run_id INTEGER REFERENCES run (id),
    scoring_id INTEGER REFERENCES scoring (id),
    decision_id INTEGER REFERENCES decision (id),
    threshold REAL,
    score REAL,
    reason TEXT NOT NULL DEFAULT '',
    withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1))
) STRICT;
CREATE INDEX verdict_image ON verdict (image_id, id);

CREATE TABLE check_set (
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES product (id),
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'approved', 'retired')),
    approved_by TEXT NOT NULL DEFAULT '',
    approved_at TEXT,
    note TEXT NOT NULL DEFAULT '',
    UNIQUE (product_id, name, version)
) STRICT;

CREATE TABLE check_item (
    check_set_id INTEGER NOT NULL REFERENCES check_set (id),
    image_id INTEGER NOT NULL REFERENCES image (id),
    cell TEXT NOT NULL DEFAULT '',
    expected TEXT NOT NULL CHECK (expected IN ('good', 'defective')),
    class_id INTEGER REFERENCES defect_class (id),
    borderline INTEGER NOT NULL DEFAULT 0 CHECK (borderline IN (0, 1)),
    note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (check_set_id, image_id, cell)
) STRICT, WITHOUT ROWID;

CREATE TABLE check_result (
    id INTEGER PRIMARY KEY,
    check_set_id INTEGER NOT NULL REFERENCES check_set (id),
    decision_id INTEGER NOT NULL REFERENCES decision (id),
    scoring_id INTEGER REFERENCES scoring (id),
    at TEXT NOT NULL,
    passed INTEGER NOT NULL CHECK (passed IN (0, 1)),
    figures TEXT NOT NULL DEFAULT '{}'
) STRICT;

CREATE TABLE package (                                   -- exported models and reports
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    run_id INTEGER REFERENCES run (id),
    decision_id INTEGER REFERENCES decision (id),
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 BLOB CHECK (sha256 IS NULL OR length(sha256) = 32),
    audit_head BLOB NOT NULL CHECK (length(audit_head) = 32),
    card TEXT NOT NULL DEFAULT '{}'
) STRICT;

CREATE TABLE note (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    text TEXT NOT NULL,
    who TEXT NOT NULL,
    at TEXT NOT NULL,
    withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1))
) STRICT;
CREATE INDEX note_subject ON note (subject, subject_id);
