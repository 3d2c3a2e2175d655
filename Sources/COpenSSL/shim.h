#ifndef STAGEKEEPER_COPENSSL_SHIM_H
#define STAGEKEEPER_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/* What OpenSSL offers only as a macro or an inline function over an untyped stack, and so is not
   visible from Swift. Nothing here does more than the macro that it stands for. */

/* BIO_get_mem_data: the bytes stay the BIO's. */
static inline long stagekeeper_bio_memory(BIO *bio, char **data) {
  return BIO_ctrl(bio, BIO_CTRL_INFO, 0, (char *)data);
}

/* Selections for EVP_PKEY_fromdata. */
static const int stagekeeper_pkey_keypair = EVP_PKEY_KEYPAIR;
static const int stagekeeper_pkey_public_key = EVP_PKEY_PUBLIC_KEY;

/* OPENSSL_free */
static inline void stagekeeper_openssl_free(void *pointer) { OPENSSL_free(pointer); }

static inline STACK_OF(X509) *stagekeeper_certificates_new(void) { return sk_X509_new_null(); }

/* The stack borrows the certificate. */
static inline int stagekeeper_certificates_push(STACK_OF(X509) *stack, X509 *certificate) {
  return sk_X509_push(stack, certificate);
}

static inline int stagekeeper_certificates_count(const STACK_OF(X509) *stack) {
  return stack == NULL ? 0 : sk_X509_num(stack);
}

/* The certificate stays the stack's. */
static inline X509 *stagekeeper_certificates_at(const STACK_OF(X509) *stack, int index) {
  return sk_X509_value(stack, index);
}

/* Frees the stack, not the certificates in it. */
static inline void stagekeeper_certificates_free_stack(STACK_OF(X509) *stack) { sk_X509_free(stack); }

/* Frees the stack and one reference of each certificate in it. */
static inline void stagekeeper_certificates_free(STACK_OF(X509) *stack) {
  sk_X509_pop_free(stack, X509_free);
}

/* The e-mail addresses of a certificate: X509_get1_email. */
typedef STACK_OF(OPENSSL_STRING) stagekeeper_strings;

static inline stagekeeper_strings *stagekeeper_certificate_emails(X509 *certificate) {
  return X509_get1_email(certificate);
}

static inline int stagekeeper_strings_count(const stagekeeper_strings *stack) {
  return stack == NULL ? 0 : sk_OPENSSL_STRING_num(stack);
}

static inline const char *stagekeeper_strings_at(const stagekeeper_strings *stack, int index) {
  return sk_OPENSSL_STRING_value(stack, index);
}

static inline void stagekeeper_strings_free(stagekeeper_strings *stack) { X509_email_free(stack); }

/* RFC 2253, with UTF-8 left as it is. */
static const unsigned long stagekeeper_name_flags = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;

static inline int stagekeeper_signers_count(const STACK_OF(CMS_SignerInfo) *stack) {
  return stack == NULL ? 0 : sk_CMS_SignerInfo_num(stack);
}

/* The signer stays the stack's. */
static inline CMS_SignerInfo *stagekeeper_signers_at(const STACK_OF(CMS_SignerInfo) *stack, int index) {
  return sk_CMS_SignerInfo_value(stack, index);
}

#endif
