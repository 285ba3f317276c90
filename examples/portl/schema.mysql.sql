-- The tables of flow_a and flow_b, for MySQL and MariaDB.
CREATE TABLE IF NOT EXISTS resources (
    id      bigint AUTO_INCREMENT PRIMARY KEY,
    code    varchar(200) NOT NULL,
    source  varchar(200) NOT NULL,
    name    text,
    price   decimal(12, 2),
    slug    text,
    UNIQUE (code, source)
);
CREATE TABLE IF NOT EXISTS resources_versions (
    id              bigint AUTO_INCREMENT PRIMARY KEY,
    resource_id     bigint NOT NULL,
    version_number  integer NOT NULL,
    md5             varchar(100) NOT NULL,
    status          varchar(20) NOT NULL,
    updated_at      datetime(6) NOT NULL DEFAULT current_timestamp(6),
    UNIQUE (resource_id, version_number),
    FOREIGN KEY (resource_id) REFERENCES resources (id)
);
