/* test_provider.c - what instance metadata services say, read: identities, notices, and nonsense. */
#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "cloud/provider.h"

static int identity(enum cloud_provider provider, const char *body, struct cloud_identity *ret)
{
    AUTO(diag) struct diag_list diags = {0};
    int r = cloud_identity_read(provider, body, strlen(body), ret, &diags);

    assert_int_equal(r<0, diags.errors> 0);
    return r;
}

static struct cloud_notice notice(enum cloud_provider provider, size_t i, long status, const char *body,
                                  int expect)
{
    AUTO(diag) struct diag_list diags = {0};
    struct cloud_notice n;

    assert_int_equal(cloud_notice_read(provider, i, "worker-3", status, body, strlen(body), &n, &diags),
                     expect);
    assert_int_equal(expect<0, diags.errors> 0);
    return n;
}

static void identities(void **state)
{
    struct cloud_identity id;

    (void)state;
    assert_int_equal(
        identity(CLOUD_OCI,
                 "{\"id\":\"ocid1.instance.oc1.iad.abc\",\"shape\":\"VM.GPU.A10.1\",\"region\":\"iad\","
                 "\"canonicalRegionName\":\"us-ashburn-1\",\"metadata\":{\"user_data\":\"eA==\"}}",
                 &id),
        0);
    assert_string_equal(id.id, "ocid1.instance.oc1.iad.abc");
    assert_string_equal(id.shape, "VM.GPU.A10.1");
    assert_string_equal(id.region, "us-ashburn-1");
    assert_int_equal(identity(CLOUD_AWS,
                              "{\"instanceId\":\"i-1234567890abcdef0\",\"instanceType\":\"g5.xlarge\","
                              "\"region\":\"eu-west-1\",\"billingProducts\":null}",
                              &id),
                     0);
    assert_string_equal(id.id, "i-1234567890abcdef0");
    assert_int_equal(
        identity(CLOUD_GCP,
                 "{\"id\":4520031799277581759,\"name\":\"w\",\"machineType\":"
                 "\"projects/1/machineTypes/a2-highgpu-1g\",\"zone\":\"projects/1/zones/us-east1-b\"}",
                 &id),
        0);
    assert_string_equal(id.id, "4520031799277581759");
    assert_string_equal(id.shape, "a2-highgpu-1g");
    assert_string_equal(id.region, "us-east1");
    assert_int_equal(
        identity(CLOUD_AZURE,
                 "{\"vmId\":\"02aab8a4-74ef-476e-8182-f6d2ba4166a6\",\"vmSize\":\"Standard_NC6\","
                 "\"location\":\"westeurope\",\"name\":\"worker-3\"}",
                 &id),
        0);
    assert_string_equal(id.name, "worker-3");
    assert_int_equal(identity(CLOUD_OCI, "{\"shape\":\"x\"}", &id), -EBADMSG);
    assert_int_equal(identity(CLOUD_OCI, "{\"id\":\"a b\"}", &id), -EBADMSG);
    assert_int_equal(identity(CLOUD_OCI, "{\"id\":", &id), -EBADMSG);
    assert_int_equal(identity(CLOUD_OCI, "[]", &id), -EBADMSG);
    assert_int_equal(identity(CLOUD_OCI, "<html>", &id), -EBADMSG);
    assert_int_equal(identity(CLOUD_OCI, "", &id), -EBADMSG);
}

static void notices_of_amazon(void **state)
{
    struct cloud_notice n;

    (void)state;
    n = notice(CLOUD_AWS, 0, 404, "<html>404</html>", 0);
    assert_false(n.there);
    n = notice(CLOUD_AWS, 0, 200, "{\"action\": \"stop\", \"time\": \"2017-09-18T08:22:00Z\"}", 0);
    assert_true(n.there);
    assert_string_equal(n.what, "stop");
    assert_int_equal(n.when.ms, 1505722920000LL);
    n = notice(CLOUD_AWS, 0, 200, "{\"action\":\"ter\\nminate\",\"time\":\"soon\"}", 0);
    assert_string_equal(n.what, "ter?minate");
    assert_int_equal(n.when.ms, 0);
    (void)notice(CLOUD_AWS, 0, 200, "{}", -EBADMSG);
    (void)notice(CLOUD_AWS, 0, 200, "{\"action\":", -EBADMSG);
    (void)notice(CLOUD_AWS, 0, 401, "", -EBADMSG);
    (void)notice(CLOUD_AWS, 0, 503, "", -EBADMSG);
}

static void notices_of_google(void **state)
{
    (void)state;
    assert_false(notice(CLOUD_GCP, 0, 200, "FALSE", 0).there);
    assert_true(notice(CLOUD_GCP, 0, 200, "TRUE\n", 0).there);
    assert_false(notice(CLOUD_GCP, 1, 200, "NONE", 0).there);
    assert_false(notice(CLOUD_GCP, 1, 200, "MIGRATE_ON_HOST_MAINTENANCE", 0).there);
    assert_true(notice(CLOUD_GCP, 1, 200, "TERMINATE_ON_HOST_MAINTENANCE", 0).there);
    (void)notice(CLOUD_GCP, 0, 200, "NONE", -EBADMSG);
    (void)notice(CLOUD_GCP, 1, 200, "", -EBADMSG);
    (void)notice(CLOUD_GCP, 0, 404, "TRUE", -EBADMSG);
}

#define EVENT(type, resource, when)                                                                          \
    "{\"EventId\":\"e\",\"EventType\":\"" type                                                               \
    "\",\"ResourceType\":\"VirtualMachine\",\"Resources\":[\"" resource                                      \
    "\"],\"EventStatus\":\"Scheduled\",\"NotBefore\":\"" when "\"}"

static void notices_of_microsoft(void **state)
{
    struct cloud_notice n;

    (void)state;
    assert_false(notice(CLOUD_AZURE, 0, 200, "{\"DocumentIncarnation\":1,\"Events\":[]}", 0).there);
    n = notice(CLOUD_AZURE, 0, 200,
               "{\"Events\":[" EVENT("Freeze", "worker-3", "") "," EVENT("Preempt", "worker-4", "") "]}", 0);
    assert_false(n.there);
    n = notice(CLOUD_AZURE, 0, 200,
               "{\"Events\":[" EVENT("Reboot", "worker-3", "Mon, 19 Sep 2016 18:29:47 GMT") "," EVENT(
                   "Preempt", "Worker-3", "Mon, 19 Sep 2016 18:29:17 GMT") "]}",
               0);
    assert_true(n.there);
    assert_string_equal(n.what, "Preempt");
    assert_int_equal(n.when.ms, 1474309757000LL);
    n = notice(CLOUD_AZURE, 0, 200, "{\"Events\":[" EVENT("Terminate", "worker-3", "") "]}", 0);
    assert_int_equal(n.when.ms, 0);
    (void)notice(CLOUD_AZURE, 0, 200, "{}", -EBADMSG);
    (void)notice(CLOUD_AZURE, 0, 200, "{\"Events\":{}}", -EBADMSG);
}

static void each_provider_has_its_paths(void **state)
{
    (void)state;
    assert_int_equal(cloud_provider_of("aws"), CLOUD_AWS);
    assert_int_equal(cloud_provider_of("none"), CLOUD_NONE);
    for (enum cloud_provider p = CLOUD_OCI; p <= CLOUD_AZURE; p++) {
        assert_int_equal(cloud_identity_path(p)[0], '/');
        assert_int_equal(cloud_notice_path(p, 0) == NULL, p == CLOUD_OCI);
        assert_null(cloud_notice_path(p, 2));
    }
    assert_null(cloud_identity_path(CLOUD_NONE));
    for (enum cloud_provider p = CLOUD_OCI; p <= CLOUD_AZURE; p++) {
        bool base64;
        assert_int_equal(cloud_document_path(p, &base64)[0], '/');
        assert_int_equal(base64, p == CLOUD_AZURE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities),
        cmocka_unit_test(notices_of_amazon),
        cmocka_unit_test(notices_of_google),
        cmocka_unit_test(notices_of_microsoft),
        cmocka_unit_test(each_provider_has_its_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
