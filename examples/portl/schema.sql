-- The tables of flow_a and flow_b.
CREATE TABLE IF NOT EXISTS resources (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code    text NOT NULL,
    source  text NOT NULL,
    name    text,
    price   numeric(12, 2),
    slug    text,
    UNIQUE (code, source)
);
CREATE TABLE IF NOT EXISTS resources_versions (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    resource_id     bigint NOT NULL REFERENCES resources,
    version_number  integer NOT NULL,
    md5             text NOT NULL,
    status          text NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (resource_id, version_number)
);
