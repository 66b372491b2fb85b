/* test_oci_sign.c - signatures as OCI documents them: the key, the request and the signature are the documentation's own. */
#include "cmocka_all.h"

#include <errno.h>

#include "auth/oci_sign.h"
#include "auth/s3_credentials.h"
#include "base/auto.h"
#include "scratch.h"

/* Published with OCI's "Request Signatures": it protects nothing. */
static const char KEY[] = "-----BEGIN RSA PRIVATE KEY-----\n"
                          "MIICXgIBAAKBgQDCFENGw33yGihy92pDjZQhl0C36rPJj+CvfSC8+q28hxA161QF\n"
                          "NUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6Z4UMR7EOcpfdUE9Hf3m/hs+F\n"
                          "UR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJwoYi+1hqp1fIekaxsyQIDAQAB\n"
                          "AoGBAJR8ZkCUvx5kzv+utdl7T5MnordT1TvoXXJGXK7ZZ+UuvMNUCdN2QPc4sBiA\n"
                          "QWvLw1cSKt5DsKZ8UETpYPy8pPYnnDEz2dDYiaew9+xEpubyeW2oH4Zx71wqBtOK\n"
                          "kqwrXa/pzdpiucRRjk6vE6YY7EBBs/g7uanVpGibOVAEsqH1AkEA7DkjVH28WDUg\n"
                          "f1nqvfn2Kj6CT7nIcE3jGJsZZ7zlZmBmHFDONMLUrXR/Zm3pR5m0tCmBqa5RK95u\n"
                          "412jt1dPIwJBANJT3v8pnkth48bQo/fKel6uEYyboRtA5/uHuHkZ6FQF7OUkGogc\n"
                          "mSJluOdc5t6hI1VsLn0QZEjQZMEOWr+wKSMCQQCC4kXJEsHAve77oP6HtG/IiEn7\n"
                          "kpyUXRNvFsDE0czpJJBvL/aRFUJxuRK91jhjC68sA7NsKMGg5OXb5I5Jj36xAkEA\n"
                          "gIT7aFOYBFwGgQAQkWNKLvySgKbAZRTeLBacpHMuQdl1DfdntvAyqpAZ0lY0RKmW\n"
                          "G6aFKaqQfOXKCyWoUiVknQJAXrlgySFci/2ueKlIE1QqIiLSZ8V8OlpFLRnb1pzI\n"
                          "7U1yQXnTAEFYM560yJlzUpOb1V4cScGd365tiSMvxLOvTA==\n"
                          "-----END RSA PRIVATE KEY-----\n";

#define TENANCY     "ocid1.tenancy.oc1..aaaaaaaaba3pv6wkcr4jqae5f15p2b2m2yt2j6rx32uzr4h25vqstifsfdsq"
#define USER        "ocid1.user.oc1..aaaaaaaat5nvwcna5j6aqzjcaty5eqbb6qt2jvpkanghtgdaqedqw3rynjq"
#define FINGERPRINT "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34"
#define TARGET                                                                                               \
    "/20160918/instances?availabilityDomain=Pjwf%3A%20PHX-AD-1&compartmentId=ocid1.compartment.oc1.."        \
    "aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa&displayName=TeamXInstances&volumeId="      \
    "ocid1.volume.oc1.phx.abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q"
#define SIGNATURE                                                                                            \
    "GBas7grhyrhSKHP6AVIj/h5/Vp8bd/peM79H9Wv8kjoaCivujVXlpbKLjMPeDUhxkFIWtTtLBj3sUzaFj34XE6YZAHc9r2DmE4pMw"  \
    "OAy/kiITcZxa1oHPOeRheC0jP2dqbTll8fmTZVwKZOKHYPtrLJIJQHJjNvxFWeHQjMaR7M="

/* (That day was a Sunday, but the documentation says Thursday.) */
static const struct oci_request REQUEST = {.method = "GET",
                                           .host = "iaas.us-phoenix-1.oraclecloud.com",
                                           .target = TARGET,
                                           .date = "Thu, 05 Jan 2014 21:31:40 GMT"};

#define BODY                                                                                                 \
    "{\n    \"compartmentId\": "                                                                             \
    "\"ocid1.compartment.oc1..aaaaaaaam3we6vgnherjq5q2idnccdflvjsnog7mlr6rtdb25gilchfeyjxa\",\n"             \
    "    \"instanceId\": \"ocid1.instance.oc1.phx."                                                          \
    "abuw4ljrlsfiqw6vzzxb43vyypt4pkodawglp3wqxjqofakrwvou52gb6s5a\",\n"                                      \
    "    \"volumeId\": \"ocid1.volume.oc1.phx."                                                              \
    "abyhqljrgvttnlx73nmrwfaux7kcvzfs3s66izvxf2h4lgvyndsdsnoiwr5q\"\n}"
#define BODY_SIGNATURE                                                                                       \
    "Mje8vIDPlwIHmD/cTDwRxE7HaAvBg16JnVcsuqaNRim23fFPgQfLoOOxae6WqKb1uPjYEl0qIdazWaBy/Ml8DRhqlocMwoSXv0fbuk" \
    "P8J5N80LCmzT/FFBvIvTB91XuXI3hYfP9Zt1l7S6ieVadHUfqBedWH0itrtPJBgKmrWso="

static const struct oci_request POST = {.method = "POST",
                                        .host = "iaas.us-phoenix-1.oraclecloud.com",
                                        .target = "/20160918/volumeAttachments",
                                        .date = "Thu, 05 Jan 2014 21:31:40 GMT",
                                        .content_type = "application/json",
                                        .body = BODY,
                                        .body_size = sizeof(BODY) - 1};

static int make(void **state)
{
    static struct scratch s;

    *state = &s;
    return scratch_make(&s);
}

static int unmake(void **state)
{
    scratch_remove(*state);
    return 0;
}

static void write_file(const struct scratch *s, const char *name, const char *text)
{
    assert_int_equal(file_replace(s->fd, name, text, strlen(text), 0600), 0);
}

static void a_date_is_as_http_has_it(void **state)
{
    char date[OCI_DATE_MAX];

    (void)state;
    oci_date((wall_ms_t){1388957500000}, date);
    assert_string_equal(date, "Sun, 05 Jan 2014 21:31:40 GMT");
}

static void the_text_is_as_documented(void **state)
{
    AUTO(strbuf) struct strbuf text = STRBUF_INIT(4096);

    (void)state;
    assert_int_equal(oci_signing_string(&REQUEST, &text), 0);
    assert_string_equal(strbuf_str(&text),
                        "date: Thu, 05 Jan 2014 21:31:40 GMT\n(request-target): get " TARGET
                        "\nhost: iaas.us-phoenix-1.oraclecloud.com");
}

static void a_profile_signs(void **state)
{
    const struct scratch *s = *state;
    AUTO(oci_profile) struct oci_profile p = {0};
    AUTO(strlist) struct strlist headers = {0};
    struct oci_signer *signer;
    struct err e = ERR_INIT;
    char path[128];

    write_file(s, "key.pem", KEY);
    write_file(s, "config",
               "[OTHER]\nuser=nobody\n# a comment\n[DEFAULT]\r\nuser = " USER "\r\ntenancy=" TENANCY
               "\nfingerprint=" FINGERPRINT "\n  key_file = key.pem\nregion=us-phoenix-1\n");
    (void)snprintf(path, sizeof(path), "%s/config", s->path);
    assert_int_equal(oci_profile_read(path, "DEFAULT", &p, &e), 0);
    assert_string_equal(p.region, "us-phoenix-1");
    signer = oci_signer_open(&p, &e);
    assert_non_null(signer);
    assert_int_equal(oci_sign(signer, &REQUEST, &headers, &e), 0);
    oci_signer_free(signer);
    assert_int_equal(headers.count, 2);
    assert_string_equal(headers.item[0], "Date: Thu, 05 Jan 2014 21:31:40 GMT");
    assert_string_equal(headers.item[1],
                        "Authorization: Signature version=\"1\",headers=\"date (request-target) host\","
                        "keyId=\"" TENANCY "/" USER "/" FINGERPRINT
                        "\",algorithm=\"rsa-sha256\",signature=\"" SIGNATURE "\"");
}

static void a_body_is_signed(void **state)
{
    const struct scratch *s = *state;
    AUTO(oci_profile) struct oci_profile p = {0};
    AUTO(strlist) struct strlist headers = {0};
    struct oci_request empty = POST;
    struct oci_signer *signer;
    struct err e = ERR_INIT;
    char path[128], digest[OCI_DIGEST_MAX];

    write_file(s, "key.pem", KEY);
    write_file(s, "post",
               "[DEFAULT]\nuser=" USER "\ntenancy=" TENANCY "\nfingerprint=" FINGERPRINT
               "\nkey_file=key.pem\n");
    (void)snprintf(path, sizeof(path), "%s/post", s->path);
    assert_int_equal(oci_profile_read(path, "DEFAULT", &p, &e), 0);
    signer = oci_signer_open(&p, &e);
    assert_non_null(signer);
    assert_int_equal(oci_sign(signer, &POST, &headers, &e), 0);
    oci_signer_free(signer);
    assert_int_equal(headers.count, 3);
    assert_string_equal(headers.item[1],
                        "Authorization: Signature version=\"1\",headers=\"date (request-target) host "
                        "content-length content-type x-content-sha256\",keyId=\"" TENANCY "/" USER
                        "/" FINGERPRINT "\",algorithm=\"rsa-sha256\",signature=\"" BODY_SIGNATURE "\"");
    assert_string_equal(headers.item[2], "x-content-sha256: V9Z20UJTvkvpJ50flBzKE32+6m2zJjweHpDMX/U4Uy0=");
    empty.body = NULL;
    empty.body_size = 0;
    assert_int_equal(oci_content_digest(&empty, digest), 0);
    assert_string_equal(digest, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

static void what_is_wrong_is_named_without_values(void **state)
{
    const struct scratch *s = *state;
    struct oci_profile p = {0};
    struct err e = ERR_INIT;
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/broken", s->path);
    assert_int_equal(oci_profile_read(path, "DEFAULT", &p, &e), -ENOENT);
    write_file(s, "broken", "[DEFAULT]\nuser=secret-user\n");
    assert_int_equal(oci_profile_read(path, "NONE", &p, &e), -ENOENT);
    assert_non_null(strstr(e.text, "no section [NONE]"));
    assert_int_equal(oci_profile_read(path, "DEFAULT", &p, &e), -EINVAL);
    assert_non_null(strstr(e.text, "has no 'tenancy'"));
    assert_null(strstr(e.text, "secret-user"));
    write_file(s, "broken", "[DEFAULT]\nuser=u\ntenancy=t\nfingerprint=f\nkey_file=broken\n");
    assert_int_equal(oci_profile_read(path, "DEFAULT", &p, &e), 0);
    assert_null(oci_signer_open(&p, &e));
    assert_non_null(strstr(e.text, "is not a private key"));
    oci_profile_free(&p);
}

static void a_token_takes_the_place_of_the_user(void **state)
{
    const struct scratch *s = *state;
    AUTO(oci_profile) struct oci_profile p = {0};
    AUTO(strlist) struct strlist headers = {0};
    struct oci_signer *signer;
    struct err e = ERR_INIT;
    char path[128];

    write_file(s, "key.pem", KEY);
    write_file(s, "token", "abc.def.ghi\n");
    write_file(s, "session", "[S]\nkey_file=key.pem\nsecurity_token_file=token\n");
    (void)snprintf(path, sizeof(path), "%s/session", s->path);
    assert_int_equal(oci_profile_read(path, "S", &p, &e), 0);
    signer = oci_signer_open(&p, &e);
    assert_non_null(signer);
    assert_int_equal(oci_sign(signer, &REQUEST, &headers, &e), 0);
    oci_signer_free(signer);
    assert_non_null(strstr(headers.item[1], "keyId=\"ST$abc.def.ghi\""));
}

static void s3_keys_come_from_a_file_or_the_environment(void **state)
{
    const struct scratch *s = *state;
    AUTO(s3_credentials) struct s3_credentials c = {0};
    AUTO(s3_credentials) struct s3_credentials by_env = {0};
    struct err e = ERR_INIT;
    char path[128];

    write_file(
        s, "aws",
        "[p]\naws_access_key_id=A\naws_secret_access_key = B+/=\nregion=r-1\n[half]\naws_access_key_id=A\n");
    (void)snprintf(path, sizeof(path), "%s/aws", s->path);
    assert_int_equal(s3_credentials_read(path, "p", &c, &e), 0);
    assert_string_equal(c.key_id, "A");
    assert_string_equal(c.secret, "B+/=");
    assert_string_equal(c.region, "r-1");
    assert_null(c.session_token);
    assert_int_equal(s3_credentials_read(path, "half", &by_env, &e), -EINVAL);
    assert_non_null(strstr(e.text, "aws_secret_access_key"));
    assert_int_equal(unsetenv("AWS_ACCESS_KEY_ID") | unsetenv("AWS_SECRET_ACCESS_KEY"), 0);
    assert_int_equal(s3_credentials_read("", "p", &by_env, &e), 0);
    assert_null(by_env.key_id);
    assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "E", 1), 0);
    assert_int_equal(s3_credentials_read("", "p", &by_env, &e), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_as_http_has_it),
        cmocka_unit_test(the_text_is_as_documented),
        cmocka_unit_test(a_profile_signs),
        cmocka_unit_test(a_body_is_signed),
        cmocka_unit_test(what_is_wrong_is_named_without_values),
        cmocka_unit_test(a_token_takes_the_place_of_the_user),
        cmocka_unit_test(s3_keys_come_from_a_file_or_the_environment),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
